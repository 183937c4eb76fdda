import { readFileSync } from 'node:fs'
import { readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { storeError } from '../errors.ts'

interface Owner {
  readonly pid: number
  /** When the process began, in the platform's own terms: tells it from a later one with the same number. */
  readonly began: string
}

/**
 * Takes possession of a store's folder for this process; returns what gives it back. STORE_IN_USE if a living process has
 * it. A file that a killed process left behind doesn't count.
 */
export async function takeOwnership(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, 'owner.json')
  const own: Owner = { pid: process.pid, began: beginningOf(process.pid) ?? '' }
  for (;;) {
    try {
      await writeFile(file, JSON.stringify(own), { flag: 'wx' })
      return () => unlink(file)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const owner = await ownerIn(file)
    if (owner && beginningOf(owner.pid) === owner.began) throw storeError('STORE_IN_USE', { folder, pid: owner.pid })
    await unlink(file).catch(() => {}) // Another process may have taken it away as well.
  }
}

async function ownerIn(file: string): Promise<Owner | undefined> {
  try {
    const owner: Partial<Owner> | null = JSON.parse(await readFile(file, 'utf8'))
    return typeof owner?.pid === 'number' && typeof owner.began === 'string'
      ? { pid: owner.pid, began: owner.began }
      : undefined
  } catch {
    return undefined // Gone meanwhile, or written in half by a process that was killed.
  }
}

/** Undefined if no such process lives. */
function beginningOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return undefined
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The 22nd field; the second, in parentheses, may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return '' // No /proc on this platform: the number alone decides.
  }
}
