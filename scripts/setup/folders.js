import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = fileURLToPath(new URL('../../', import.meta.url))

/** Folder of other implementations, for comparisons; ignored by git. */
export const peersFolder = join(project, '.peers')
/** Folder of TensorFlow's native library; ignored by git. */
export const nativeFolder = join(project, '.native')

/**
 * Makes a folder once, whole or not at all: `fill` gets a temporary folder, which is renamed when `fill` returns. Of
 * processes that make the folder at the same time, one does and the others wait. Where files have no locks, the first to
 * end wins.
 */
export function makeOnce(folder, fill) {
  if (existsSync(folder)) return folder
  mkdirSync(dirname(folder), { recursive: true })
  const unlock = lock(join(dirname(folder), `.${basename(folder)}.lock`))
  const draft = join(dirname(folder), `.draft-${process.pid}`, 'folder')
  try {
    if (existsSync(folder)) return folder
    mkdirSync(draft, { recursive: true })
    fill(draft)
    renameSync(draft, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  } finally {
    rmSync(dirname(draft), { recursive: true, force: true })
    unlock()
  }
  return folder
}

/** Waits for the lock of a file, which the system takes from a process that ends. Answers with the way to give it back. */
function lock(file) {
  const descriptor = openSync(file, 'a')
  try {
    createRequire(import.meta.url)('fs-native-extensions').waitForLockSync(descriptor)
  } catch {
    // This platform or this file system has no locks.
  }
  return () => closeSync(descriptor)
}
