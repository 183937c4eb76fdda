import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileErrorCode } from '../errors/file-reason.ts'

/**
 * Makes a folder and the missing folders above it. An existing folder stays as it is. `mode` is the mode of each new
 * folder. Throws the system's errors, such as ENOENT below /proc, where `recursive` of Node 20 and 24 never ends.
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  if (await isMade(folder, mode, ['ENOENT'])) return
  const parent = dirname(folder)
  if (parent !== folder) await makeFolder(parent, mode)
  await isMade(folder, mode, [])
}

async function isMade(folder: string, mode: number, forgiven: readonly string[]): Promise<boolean> {
  try {
    await mkdir(folder, { mode })
    return true
  } catch (cause) {
    const code = fileErrorCode(cause)
    if (code === 'EEXIST') return true
    if (code !== undefined && forgiven.includes(code)) return false
    throw cause
  }
}
