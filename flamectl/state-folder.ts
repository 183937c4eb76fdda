import { chmod, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileErrorCode } from '../runtime/errors/index.ts'
import { fileReason, systemFaultOf } from '../runtime/index.ts'
import { flamectlError } from './errors.ts'

/** The default folder of state and models. */
export const defaultFolder = '.flame'

/** The user's folder of settings and keys. Undefined for a user without a home, as minimal containers have them. */
export function homeFolder(): string | undefined {
  try {
    const home = homedir()
    return home === '' ? undefined : join(home, '.flame')
  } catch {
    return undefined
  }
}

/** Whether a store is a MongoDB database rather than a folder. */
export function isMongodb(store: string): boolean {
  return /^mongodb(\+srv)?:/.test(store)
}

/** The value of an option that names a place. OPTION_VALUE if the value is empty, as an unset variable of a script gives. */
export function namedPlace(option: string, given: string, expected = 'a folder'): string {
  if (given.trim() !== '') return given
  throw flamectlError('OPTION_VALUE', { option, expected, given: JSON.stringify(given) })
}

/** OPTION_VALUE if the place is a file, or lies below a file. A missing folder is no fault: it is made later. */
export async function assertNoFile(option: string, place: string): Promise<void> {
  const found = await stat(place).catch((cause: unknown) =>
    fileErrorCode(cause) === 'ENOTDIR' ? 'below a file' : undefined,
  )
  if (found === undefined || (typeof found === 'object' && found.isDirectory())) return
  const given = `${JSON.stringify(place)}, which is ${typeof found === 'object' ? 'a file' : found}`
  throw flamectlError('OPTION_VALUE', { option, expected: 'a folder', given })
}

/** The folder of the state within the store's folder. OPTION_VALUE if the store is empty, or another kind of URL. */
export function stateFolder(store: string): string {
  namedPlace('--store', store, 'a folder, or mongodb://host:port/database')
  if (/^[a-z][\w+.-]*:\/\//i.test(store))
    throw flamectlError('OPTION_VALUE', {
      option: '--store',
      expected: 'a folder, or mongodb://host:port/database',
      given: JSON.stringify(store),
    })
  return join(store, 'state')
}

/** The default file of the keys that sign tokens. */
export function keyFileIn(folder: string): string {
  return join(folder, 'keys.json')
}

/** The place of a store's state, without a password. */
export function shownStore(store: string): string {
  return isMongodb(store) ? withoutPassword(store) : stateFolder(store)
}

/** Replaces the password in URLs of MongoDB, so that the text may be shown. */
export function withoutPassword(text: string): string {
  return text.replace(/(mongodb(?:\+srv)?:\/\/[^:@/]*):[^/]*@/, '$1:PASSWORD@')
}

const others = 0o077
const writableByAll = 0o002

/**
 * Makes sure that a folder belongs to its owner alone, since the folder holds the keys of tasks in clear. If other accounts may
 * read the folder, their rights are removed, and `tell` is called. STATE_RIGHTS if every account may write the folder, whose
 * content can't be trusted then, or if the rights can't be removed. A missing folder is no fault.
 */
export async function keepPrivate(folder: string, tell: (text: string) => void): Promise<void> {
  const before = await modeOf(folder)
  if (before === undefined || (before & others) === 0) return
  if ((before & writableByAll) !== 0) throw refusal(folder, before, 'every account of this machine may change it')
  try {
    await chmod(folder, before & ~others)
  } catch (cause) {
    if (!systemFaultOf(cause)) throw cause
    throw refusal(folder, before, fileReason(cause))
  }
  // Some file systems accept a change of rights and ignore it.
  const after = (await modeOf(folder)) ?? 0
  if ((after & others) !== 0) throw refusal(folder, after, 'the file system keeps no rights')
  tell(
    `${folder} was open to other accounts (mode ${octal(before)}), and is its owner's alone now: keys of tasks lie there`,
  )
}

/** The mode of a folder. Undefined if the folder is missing or unreadable, or if the system has no such modes. */
async function modeOf(folder: string): Promise<number | undefined> {
  if (process.platform === 'win32') return undefined
  try {
    return (await stat(folder)).mode & 0o7777
  } catch {
    // The store reports the fault when it opens the folder.
    return undefined
  }
}

function refusal(folder: string, mode: number, found: string): Error {
  return flamectlError('STATE_RIGHTS', { folder, mode: octal(mode), found })
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, '0')
}
