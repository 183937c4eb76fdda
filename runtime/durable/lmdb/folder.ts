import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { CodedError } from '../../errors/coded-error.ts'
import { storeError } from '../errors.ts'

/**
 * Raised when the arrangement of what is stored changes. Format 1 had no indexes, which who doesn't know of them would let
 * grow wrong; it needs nothing else to become format 2.
 */
const format = 2
const earlierFormats: readonly unknown[] = [1]
const marker = 'flame-store.json'

/** Files that belong to a store. */
const ownFiles: readonly string[] = [marker, `${marker}.new`, 'data.mdb', 'lock.mdb']

/**
 * Makes sure that a folder is a store of this format, or makes it one if it's new or empty.
 * STORE_FOREIGN, STORE_FORMAT, STORE_DAMAGED, STORE_DENIED, STORE_FULL; then nothing in it was changed.
 */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    const found = await readdir(folder)
    if (found.includes(marker)) {
      checkMarker(folder, await readFile(join(folder, marker), 'utf8'))
      await checkData(folder, found)
      return
    }
    const foreign = found.find((name) => !ownFiles.includes(name) || name === 'data.mdb')
    if (foreign) throw storeError('STORE_FOREIGN', { folder, found: foreign })
    await writeMarker(folder)
  } catch (error) {
    throw folderError(folder, error)
  }
}

/** Makes a store of an earlier format, which this process owns, one of this format. */
export async function raiseFormat(folder: string): Promise<void> {
  const found: { readonly format: unknown } = JSON.parse(await readFile(join(folder, marker), 'utf8'))
  if (found.format !== format) await writeMarker(folder)
}

async function writeMarker(folder: string): Promise<void> {
  const text = `${JSON.stringify({ format, written: 'by flame-fl' })}\n`
  await writeFile(join(folder, `${marker}.new`), text, { flush: true })
  await rename(join(folder, `${marker}.new`), join(folder, marker))
}

/** LMDB reports a write that was cut short as EIO; it reads through a map, which has no such error. */
const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'MDB_MAP_FULL'])
const denied = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EISDIR', 'ELOOP', 'ENAMETOOLONG'])
const damaged = new Set(['MDB_PAGE_NOTFOUND', 'MDB_CORRUPTED', 'MDB_PANIC', 'MDB_VERSION_MISMATCH', 'MDB_INVALID'])

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

/** What a system error means for the store. */
export function folderError(folder: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CodedError || !('code' in error)) return error
  const name = typeof error.code === 'string' ? error.code : (names.get(error.code) ?? '')
  const reason = error.message
  if (full.has(name)) return storeError('STORE_FULL', { folder, reason }, { cause: error })
  if (denied.has(name)) return storeError('STORE_DENIED', { folder, reason }, { cause: error })
  if (damaged.has(name)) return storeError('STORE_DAMAGED', { folder, found: reason }, { cause: error })
  return error
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
