import { chmod, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileErrorCode } from '../runtime/errors/index.ts'
import { fileReason, systemFaultOf } from '../runtime/index.ts'
import { flamectlError } from './errors.ts'

/** Where state and models are kept if nothing else is said. */
export const defaultFolder = '.flame'

/** Whether a store is a database of MongoDB, and no folder. */
export function isMongodb(store: string): boolean {
  return /^mongodb(\+srv)?:/.test(store)
}

/** A place that a person named with an option. OPTION_VALUE if it's empty, as where a variable of a script isn't set. */
export function namedPlace(option: string, given: string, expected = 'a folder'): string {
  if (given.trim() !== '') return given
  throw flamectlError('OPTION_VALUE', { option, expected, given: JSON.stringify(given) })
}

/** OPTION_VALUE if a place where a folder is to be is a file, or lies below one. A folder that isn't there yet is made later. */
export async function assertNoFile(option: string, place: string): Promise<void> {
  const found = await stat(place).catch((cause: unknown) =>
    fileErrorCode(cause) === 'ENOTDIR' ? 'below a file' : undefined,
  )
  if (found === undefined || (typeof found === 'object' && found.isDirectory())) return
  const given = `${JSON.stringify(place)}, which is ${typeof found === 'object' ? 'a file' : found}`
  throw flamectlError('OPTION_VALUE', { option, expected: 'a folder', given })
}

/** Folder of the state within the store's folder. OPTION_VALUE if it's empty, or the URL of something else. */
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

/** Where the keys are by which a server knows its tokens. */
export function keyFileIn(folder: string): string {
  return join(folder, 'keys.json')
}

/** Where a store's state is, as it may be shown. */
export function shownStore(store: string): string {
  return isMongodb(store) ? withoutPassword(store) : stateFolder(store)
}

/** A URL may hold a password, which isn't for the eyes of those who see the screen. */
export function withoutPassword(text: string): string {
  return text.replace(/(mongodb(?:\+srv)?:\/\/[^:@/]*):[^/]*@/, '$1:PASSWORD@')
}

const others = 0o077
const writableByAll = 0o002

/**
 * Sees to it that a folder, if it's there, is its owner's alone: the keys of tasks lie in it in clear. One that others may only
 * read, as earlier versions made it, is narrowed, and that is told. STATE_RIGHTS if anybody may write it, since nobody knows
 * what it holds then, or if it can't be narrowed.
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
  // Some file systems take every change of rights, and make none.
  const after = (await modeOf(folder)) ?? 0
  if ((after & others) !== 0) throw refusal(folder, after, 'the file system keeps no rights')
  tell(
    `${folder} was open to other accounts (mode ${octal(before)}), and is its owner's alone now: keys of tasks lie there`,
  )
}

/** Undefined if it isn't there, can't be looked at, or rights aren't kept so on this system. */
async function modeOf(folder: string): Promise<number | undefined> {
  if (process.platform === 'win32') return undefined
  try {
    return (await stat(folder)).mode & 0o7777
  } catch {
    // The store says what is wrong with it.
    return undefined
  }
}

function refusal(folder: string, mode: number, found: string): Error {
  return flamectlError('STATE_RIGHTS', { folder, mode: octal(mode), found })
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, '0')
}
