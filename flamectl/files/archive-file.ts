import { openAsBlob } from 'node:fs'
import { link, open, rename, stat, unlink } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { CodedError, fileErrorCode, fileReason, systemFaultOf } from '../../runtime/errors/index.ts'
import { flamectlError } from '../errors.ts'
import { filesIn, zipOf } from './folder-archive.ts'

/** As many files as a server takes, and as much as one can be told to take. */
const most = { files: 10_000, megabytes: 1000 }

/** An archive to be sent, read only as it goes; a folder is packed. FILE_UNREADABLE, CODE_SIZE, CODE_LINK. */
export async function archiveToSend(file: string): Promise<{ readonly fileName: string; readonly fileData: Blob }> {
  try {
    const found = await stat(file)
    if (found.isDirectory()) {
      const fileData = new Blob([zipOf(await filesIn(file, { most, strayLinks: 'refuse' }))])
      return { fileName: `${basename(resolve(file))}.zip`, fileData }
    }
    if (!found.isFile()) throw new Error('it is no file')
    return { fileName: basename(file), fileData: await openAsBlob(file) }
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw flamectlError('FILE_UNREADABLE', { file, reason: fileReason(cause) }, { cause })
  }
}

/** Saves what comes under a name, whole or not at all. FILE_EXISTS if there is one of that name, unless `force`; FILE_UNWRITABLE. */
export async function saveWhole(
  file: string,
  content: ReadableStream<Uint8Array>,
  { force }: { readonly force: boolean },
): Promise<void> {
  const partial = `${file}.${process.pid}.part`
  try {
    const handle = await open(partial, 'wx')
    try {
      await pipeline(content, handle.createWriteStream({ flush: true }))
      // Unlike a renaming, a link never takes another file's place.
      await (force ? rename(partial, file) : link(partial, file))
    } finally {
      await handle.close().catch(() => {})
      await unlink(partial).catch(() => {})
    }
  } catch (cause) {
    if (!force && fileErrorCode(cause) === 'EEXIST') throw flamectlError('FILE_EXISTS', { file }, { cause })
    const fault = systemFaultOf(cause)
    // What is lost may be the connection by which the content comes.
    if (fault !== 'denied' && fault !== 'full') throw cause
    throw flamectlError('FILE_UNWRITABLE', { file, reason: fileReason(cause) }, { cause })
  }
}
