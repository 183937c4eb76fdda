import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('../../', import.meta.url))

/** Folder of other implementations, for comparisons; ignored by git. */
export const peersFolder = join(project, '.peers')
/** Folder of TensorFlow's native library; ignored by git. */
export const nativeFolder = join(project, '.native')

/**
 * Makes a folder once, whole or not at all: `fill` gets a temporary folder, which is renamed when `fill` returns. If
 * two processes make the folder at the same time, the first to end wins.
 */
export function makeOnce(folder, fill) {
  if (existsSync(folder)) return folder
  const draft = join(dirname(folder), `.draft-${process.pid}`, 'folder')
  mkdirSync(draft, { recursive: true })
  try {
    fill(draft)
    renameSync(draft, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(dirname(draft), { recursive: true, force: true })
  }
  return folder
}
