import { chmod, stat } from 'node:fs/promises'
import { fileReason, systemFaultOf } from '../runtime/index.ts'
import { flamectlError } from './errors.ts'

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
