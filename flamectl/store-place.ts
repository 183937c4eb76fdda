import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileErrorCode } from '../runtime/errors/index.ts'
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
