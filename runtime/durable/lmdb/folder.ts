import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { CodedError } from '../../errors/coded-error.ts'
import { fileErrorCode, fileReason, type SystemFault, systemFault } from '../../errors/file-reason.ts'
import { storeError } from '../errors.ts'
import { ownerFiles } from './owner.ts'
import { trialFile } from './room.ts'

/**
 * Raised when the arrangement of what is stored changes. Who knows formats 1 and 2 alone doesn't know of indexes, which it
 * would let grow wrong, or of the lock. They need nothing else to become format 3.
 */
const format = 3
const earlierFormats: readonly unknown[] = [1, 2]
const marker = 'flame-store.json'

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
 * Makes the folder if it's missing, and makes sure that it's a store of a known format, or empty.
 * STORE_FOREIGN, STORE_FORMAT, STORE_DAMAGED; then nothing in it was changed.
 */
export async function checkFolder(folder: string): Promise<void> {
  await makeFolder(dirname(folder))
  // Whatever is stored is for its owner alone.
  await makeFolder(folder, 0o700)
  const found = await readdir(folder)
  if (found.includes(marker)) return checkMarker(folder, await readFile(join(folder, marker), 'utf8'))
  const foreign = found.find((name) => !ownFiles.includes(name) || name === 'data.mdb')
  if (foreign) throw storeError('STORE_FOREIGN', { folder, found: foreign })
}

/**
 * Makes a folder, and those above it, where they are missing. Node's own `recursive` tries for ever where the system says that
 * a folder's parent is missing though it's there, as below /proc.
 */
async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  const made = await mkdir(folder, { mode }).catch((cause: unknown) => cause)
  if (made === undefined || fileErrorCode(made) === 'EEXIST') return
  if (fileErrorCode(made) !== 'ENOENT' || dirname(folder) === folder) throw made
  await makeFolder(dirname(folder))
  const again = await mkdir(folder, { mode }).catch((cause: unknown) => cause)
  if (again !== undefined && fileErrorCode(again) !== 'EEXIST') throw again
}

/**
 * Makes a folder that this process owns a store of this format: an empty one, or one of an earlier format. STORE_DAMAGED if
 * its data isn't whole.
 */
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

/** Errors by number: the system's, and LMDB's own. */
const names = new Map<unknown, string>([
  ...Object.entries(constants.errno).map(([name, number]): [number, string] => [number, name]),
  [-30_792, 'MDB_MAP_FULL'],
  [-30_797, 'MDB_PAGE_NOTFOUND'],
  [-30_796, 'MDB_CORRUPTED'],
  [-30_795, 'MDB_PANIC'],
  [-30_794, 'MDB_VERSION_MISMATCH'],
  [-30_793, 'MDB_INVALID'],
])

/** What an error of the system, or of LMDB, means for the store. */
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
  // LMDB reports a write that was cut short as EIO; it reads through a map, which has no such error.
  if (name === 'EIO' || name === 'MDB_MAP_FULL') return 'full'
  // LMDB takes no more until it's opened again.
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

/** Where LMDB's meta pages say what they are: magic number, page size, last page. */
const meta = { magic: 0xbeefc0de, magicAt: 24, pageSizeAt: 48, lastPageAt: 144, bytes: 152 }

/** LMDB maps its file: one that is cut short would end the process, so its length is looked at first. */
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
    // Looked at again: an owner that writes meanwhile makes the file longer before its meta pages say so.
    const present = (await file.stat()).size
    if (present < (lastPage + 1) * pageSize)
      throw asDamaged(`data.mdb has ${present} bytes and needs ${(lastPage + 1) * pageSize}`)
  } finally {
    await file.close()
  }
}
