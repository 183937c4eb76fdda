import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { open, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { constants, hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { CodedError } from '../../errors/coded-error.ts'
import { fileReason, type SystemFault, systemFault } from '../../errors/file-reason.ts'
import { makeFolder } from '../../node/index.ts'
import { storeError } from '../errors.ts'

/**
 * Number of the arrangement of the stored data; a new arrangement gets a higher number. Programs for formats 1 and 2
 * ignore the lock, and don't keep indexes up to date. Data of these formats becomes format 3 by a change of the marker
 * alone.
 */
const format = 3
const earlierFormats: readonly unknown[] = [1, 2]
const marker = 'flame-store.json'

/** The file whose lock is the possession of the folder, and the file that names the owner. */
const ownerFiles = { lock: 'flame-store.lock', owner: 'flame-store.owner' } as const

/** Name of the file of a trial write. The file exists only during the trial. */
export const trialFile = 'flame-store.trial'

/** Files that belong to a store. */
const ownFiles: readonly string[] = [
  marker,
  `${marker}.new`,
  'data.mdb',
  'lock.mdb',
  trialFile,
  ...Object.values(ownerFiles),
]

/**
 * Makes a missing folder, and checks that the folder is empty or a store of a known format. Refused by STORE_FOREIGN,
 * STORE_FORMAT or STORE_DAMAGED, the folder's files are unchanged.
 */
export async function checkFolder(folder: string): Promise<void> {
  await makeFolder(dirname(folder))
  // The store is readable only for its owner.
  await makeFolder(folder, 0o700)
  const found = await readdir(folder)
  if (found.includes(marker)) return checkMarker(folder, await readFile(join(folder, marker), 'utf8'))
  const foreign = found.find((name) => !ownFiles.includes(name) || name === 'data.mdb')
  if (foreign) throw storeError('STORE_FOREIGN', { folder, found: foreign })
}

/** Turns a folder that this process owns, empty or of an earlier format, into a store of this format. STORE_DAMAGED if data is missing. */
export async function claimFolder(folder: string): Promise<void> {
  await checkFolder(folder)
  await checkData(folder, await readdir(folder))
  const text = await readFile(join(folder, marker), 'utf8').catch(() => '{}')
  const found: { readonly format?: unknown } = JSON.parse(text)
  if (found.format !== format) await writeMarker(folder)
}

async function writeMarker(folder: string): Promise<void> {
  const text = `${JSON.stringify({ format, written: 'by flame-fl' })}\n`
  await writeFile(join(folder, `${marker}.new`), text, { flush: true })
  await rename(join(folder, `${marker}.new`), join(folder, marker))
}

const damaged = new Set(['MDB_PAGE_NOTFOUND', 'MDB_CORRUPTED', 'MDB_VERSION_MISMATCH', 'MDB_INVALID'])

/** Names of errors by number: the system's, and LMDB's own. */
const names = new Map<unknown, string>([
  ...Object.entries(constants.errno).map(([name, number]): [number, string] => [number, name]),
  [-30_792, 'MDB_MAP_FULL'],
  [-30_797, 'MDB_PAGE_NOTFOUND'],
  [-30_796, 'MDB_CORRUPTED'],
  [-30_795, 'MDB_PANIC'],
  [-30_794, 'MDB_VERSION_MISMATCH'],
  [-30_793, 'MDB_INVALID'],
])

/** Turns an error of the system, or of LMDB, into a coded error of the store; leaves other errors as they are. */
export function folderError(folder: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CodedError || !('code' in error)) return error
  const name = typeof error.code === 'string' ? error.code : (names.get(error.code) ?? '')
  const reason = fileReason(error)
  const options = { cause: error }
  if (damaged.has(name)) return storeError('STORE_DAMAGED', { folder, found: reason }, options)
  switch (fault(name)) {
    case 'full':
      return storeError('STORE_FULL', { folder, reason }, options)
    case 'denied':
      return storeError('STORE_DENIED', { folder, reason }, options)
    case 'lost':
      return storeError('STORE_LOST', { folder, reason }, options)
  }
  return error
}

function fault(name: string): SystemFault | undefined {
  // LMDB reports a write that was cut short as EIO. Reads never give EIO, since LMDB reads through a map.
  if (name === 'EIO' || name === 'MDB_MAP_FULL') return 'full'
  // LMDB takes no more writes until the store is opened again.
  if (name === 'MDB_PANIC') return 'lost'
  return systemFault(name)
}

function checkMarker(folder: string, text: string): void {
  let found: unknown
  try {
    const parsed: { readonly format?: unknown } | null = JSON.parse(text)
    found = parsed?.format
  } catch (cause) {
    throw storeError('STORE_DAMAGED', { folder, found: `${marker} is no JSON` }, { cause })
  }
  if (typeof found !== 'number') throw storeError('STORE_DAMAGED', { folder, found: `${marker} names no format` })
  if (found !== format && !earlierFormats.includes(found))
    throw storeError('STORE_FORMAT', { folder, found, known: format })
}

/** Offsets in LMDB's meta pages: magic number, page size, last page. */
const meta = { magic: 0xbeefc0de, magicAt: 24, pageSizeAt: 48, lastPageAt: 144, bytes: 152 }

/** Checks the length of LMDB's file first: LMDB maps the file, and a file that was cut short would end the process. */
async function checkData(folder: string, files: readonly string[]): Promise<void> {
  if (!files.includes('data.mdb')) return
  const file = await open(join(folder, 'data.mdb'))
  try {
    const { size } = await file.stat()
    if (size === 0) return // Killed before its first write.
    const head = Buffer.alloc(meta.bytes)
    await file.read(head, 0, meta.bytes, 0)
    const asDamaged = (found: string) => storeError('STORE_DAMAGED', { folder, found })
    if (size < meta.bytes || head.readUInt32LE(meta.magicAt) !== meta.magic)
      throw asDamaged('data.mdb does not begin as one')
    const pageSize = head.readUInt32LE(meta.pageSizeAt)
    const second = Buffer.alloc(meta.bytes)
    await file.read(second, 0, meta.bytes, pageSize)
    const lastPage = Math.max(...[head, second].map((page) => Number(page.readBigUInt64LE(meta.lastPageAt))))
    // The size is read again: a writing owner makes the file longer before the meta pages say so.
    const present = (await file.stat()).size
    if (present < (lastPage + 1) * pageSize)
      throw asDamaged(`data.mdb has ${present} bytes and needs ${(lastPage + 1) * pageSize}`)
  } finally {
    await file.close()
  }
}

/** A function of fs-native-extensions: false if another open file has the lock. */
type TryLock = (file: number) => boolean

/** The systems' codes for a lock that another open file has. */
const taken: readonly unknown[] = ['EAGAIN', 'EBUSY', 'EACCES']

/**
 * Takes possession of a folder; returns the function that gives the folder back. STORE_IN_USE if another store has the folder, in
 * this process or elsewhere. The kernel keeps the lock with the open file: it sees owners in other containers, and drops the lock
 * of a killed owner.
 */
export function takeOwnership(folder: string): () => void {
  const tryLock = lockOfPlatform(folder)
  const file = openSync(join(folder, ownerFiles.lock), 'a+')
  try {
    if (!isLocked(folder, () => tryLock(file))) throw storeError('STORE_IN_USE', { folder, owner: ownerIn(folder) })
  } catch (error) {
    closeSync(file)
    throw error
  }
  try {
    writeFileSync(join(folder, ownerFiles.owner), `process ${process.pid} of ${hostname()}\n`)
  } catch {
    // The file only serves messages to other processes: a full disk doesn't prevent reading.
  }
  return () => closeSync(file)
}

function isLocked(folder: string, lock: () => boolean): boolean {
  try {
    return lock()
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && taken.includes(cause.code)) return false
    throw storeError('STORE_LOCK', { folder, reason: reasonOf(cause) }, { cause })
  }
}

function lockOfPlatform(folder: string): TryLock {
  try {
    const require = createRequire(import.meta.url)
    const { tryLock }: { readonly tryLock: TryLock } = require('fs-native-extensions')
    return tryLock
  } catch (cause) {
    const reason = `${process.platform} on ${process.arch} has no fs-native-extensions: ${reasonOf(cause)}`
    throw storeError('STORE_LOCK', { folder, reason }, { cause })
  }
}

function ownerIn(folder: string): string {
  try {
    return readFileSync(join(folder, ownerFiles.owner), 'utf8').trim()
  } catch {
    return 'another process'
  }
}

function reasonOf(cause: unknown): string {
  const [first = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n')
  return first
}
