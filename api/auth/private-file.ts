import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { fileReason, systemFaultOf } from '../../runtime/index.ts'
import { apiError } from '../errors.ts'

const [others, writers, sticky] = [0o077, 0o022, 0o1000]
const root = 0

/** Does some work on a file; an error of the file system becomes API_KEY_PLACE. */
export async function reaching<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (cause) {
    if (!systemFaultOf(cause)) throw cause
    throw apiError('API_KEY_PLACE', { file: resolve(file), reason: fileReason(cause) }, { cause })
  }
}

/**
 * The text of a file that nobody but this account, or root, may use or replace; undefined if it isn't there. API_KEY_FILE if
 * its owner or its rights, or those of its folder, are others. Windows has other rights: there only what it says is read.
 */
export async function ownFile(file: string): Promise<string | undefined> {
  try {
    await assertPrivate(file)
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw cause
  }
}

async function assertPrivate(file: string): Promise<void> {
  const own = process.geteuid?.()
  const { mode, uid } = await stat(file)
  if (own === undefined) return
  const isOurs = (account: number) => account === own || account === root
  if (!isOurs(uid)) throw unusable(file, `it belongs to account ${uid}`)
  if ((mode & others) !== 0) throw unusable(file, `its mode is ${octal(mode)}, and others may use it`)
  const folders = new Set([dirname(resolve(file)), dirname(await realpath(file))])
  for (const folder of folders) {
    const found = await stat(folder)
    // Who owns a folder, or may write it, can put another file in the place of this one.
    if (!isOurs(found.uid)) throw unusable(file, `its folder ${folder} belongs to account ${found.uid}`)
    if ((found.mode & writers) !== 0 && (found.mode & sticky) === 0)
      throw unusable(file, `others may write its folder ${folder}, whose mode is ${octal(found.mode)}`)
  }
}

export function isMissing(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'ENOENT'
}

export function unusable(file: string, found: string) {
  return apiError('API_KEY_FILE', { file, found })
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8)
}
