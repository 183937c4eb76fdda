import { must } from './run.js'

/** A Python with venv and pip. */
export function python() {
  const command = process.env.PYTHON || 'python3'
  must(command, ['-c', 'import venv, ensurepip, pip'], 'SETUP_PYTHON', {})
  return command
}
