import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** Runs an installer of `scripts/`, which prints a path, and what it fetches for the first time to standard error. */
async function installedBy(script: string, ...args: readonly string[]): Promise<string> {
  const file = fileURLToPath(new URL(`../../../../scripts/${script}`, import.meta.url))
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file, ...args])
  if (stderr) process.stderr.write(stderr)
  return stdout.trim()
}

const folders = new Map<string, Promise<string>>()

/** The folder of data that `scripts/data.js` knows by this name. Fetches the data where they are missing. */
export function dataFolder(name: 'heart' | 'adult' | 'fashion-mnist' | 'shakespeare'): Promise<string> {
  const found = folders.get(name) ?? installedBy('data.js', name)
  folders.set(name, found)
  return found
}

/** A Python that has Google's dp-accounting. */
export function accountingPython(): Promise<string> {
  return installedBy('dp-accounting.js')
}
