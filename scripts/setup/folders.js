import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('../../', import.meta.url))

/** What other implementations need to be compared with; ignored by git. */
export const peersFolder = join(project, '.peers')
/** TensorFlow's native library; ignored by git. */
export const nativeFolder = join(project, '.native')

/**
 * Makes a folder whole or not at all, once: `fill` gets a folder beside it, which takes its place when `fill` returns.
 * Two processes may do so at a time; the first to end wins.
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
