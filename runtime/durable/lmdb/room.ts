import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { storeError } from '../errors.ts'

/** Pages of the tree that a commit writes anew besides the values. */
const besidesBytes = 256 * 1024
/** A trial writes in pieces of this size. */
const pieceBytes = 1024 * 1024

/** The file of a trial write, which is there only during the trial. */
export const trialFile = 'flame-store.trial'

/**
 * STORE_FULL unless the folder's disk has room for a commit of so many bytes. A write that fails for want of room spoils
 * lmdb's heap (it formats its message into too short a buffer), so it's better not tried.
 */
export function checkRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder)
  const needed = 2 * bytes + besidesBytes
  if (bavail * bsize < needed)
    throw storeError('STORE_FULL', { folder, reason: `${bavail * bsize} bytes are free and ${needed} needed` })
}

/**
 * Writes as many bytes as a commit would into a file of its own, where the end of the store's data would be, and flushes
 * them: after a failed write, so that a quota, a limit, a broken or a read-only disk fails here and not within lmdb.
 */
export function tryWriting(folder: string, bytes: number): void {
  const path = join(folder, trialFile)
  // Elsewhere the bytes before a position take room.
  const from = process.platform === 'win32' ? 0 : statSync(join(folder, 'data.mdb')).size
  const until = from + bytes + besidesBytes
  const file = openSync(path, 'w')
  try {
    const piece = Buffer.alloc(pieceBytes)
    for (let at = from; at < until; ) at += writeSync(file, piece, 0, Math.min(pieceBytes, until - at), at)
    fsyncSync(file)
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}
