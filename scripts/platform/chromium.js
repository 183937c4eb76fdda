import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { SetupError } from '../setup/errors.js'
import { attempt, step } from '../setup/run.js'

const names = ['chromium', 'chromium-browser', 'google-chrome']

/** A Chromium: the one that the environment names (CHROMIUM), one in PATH, or Debian's package, installed as root. */
export function chromium() {
  return process.env.CHROMIUM || inPath() || install()
}

function inPath() {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isProgram)
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function install() {
  if (process.getuid?.() !== 0) throw new SetupError('SETUP_CHROMIUM', { reason: 'only root can install packages' })
  const options = ['--quiet', '--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { reason } = step("installing Debian's chromium", () => {
    const updated = attempt('apt-get', ['update', '--quiet'], { env })
    return updated.reason ? updated : attempt('apt-get', ['install', ...options, 'chromium'], { env })
  })
  const installed = inPath()
  if (installed === undefined)
    throw new SetupError('SETUP_CHROMIUM', { reason: reason ?? 'the package has no such program' })
  return installed
}
