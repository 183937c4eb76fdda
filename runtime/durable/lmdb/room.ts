import { statfsSync } from 'node:fs'
import { storeError } from '../errors.ts'

/** Pages of the tree that a commit writes anew besides the values. */
const besidesBytes = 256 * 1024

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
