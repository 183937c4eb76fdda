import { fileURLToPath } from 'node:url'
import { must } from './run.js'

/** A Python with venv and pip. */
export function python() {
  const command = process.env.PYTHON || 'python3'
  must(command, ['-c', 'import venv, ensurepip, pip'], 'SETUP_PYTHON', {})
  return command
}

/** The file that names a program and its dependencies by exact versions, for Python 3.11 and newer. */
export function pinned(name) {
  return fileURLToPath(new URL(`${name}.txt`, import.meta.url))
}
