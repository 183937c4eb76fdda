import { openAsBlob } from 'node:fs'
import { link, open, rename, stat, unlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { flamectlError } from '../errors.ts'

/** An archive to be sent, read only as it goes. FILE_UNREADABLE. */
export async function archiveToSend(file: string): Promise<{ readonly fileName: string; readonly fileData: Blob }> {
  try {
    if (!(await stat(file)).isFile()) throw new Error('it is no file')
    return { fileName: basename(file), fileData: await openAsBlob(file) }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause
    throw flamectlError('FILE_UNREADABLE', { file, reason }, { cause })
  }
}

/** Saves what comes under a name, whole or not at all. FILE_EXISTS if there is one of that name, unless `force`. */
export async function saveWhole(
  file: string,
  content: ReadableStream<Uint8Array>,
  { force }: { readonly force: boolean },
): Promise<void> {
  const partial = `${file}.${process.pid}.part`
  const handle = await open(partial, 'wx')
  try {
    await pipeline(content, handle.createWriteStream({ flush: true }))
    if (force) return await rename(partial, file)
    // Unlike a renaming, a link never takes another file's place.
    await link(partial, file).catch((cause: unknown) => {
      const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
      throw exists ? flamectlError('FILE_EXISTS', { file }, { cause }) : cause
    })
  } finally {
    await handle.close().catch(() => {})
    await unlink(partial).catch(() => {})
  }
}
