import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from './errors.js'
import { attempt } from './run.js'

/** Unpacks Debian packages into a folder, without root's rights. `SetupError` of this code, with the reason, if that fails. */
export function unpackDebian(packages, folder, code, values = {}) {
  const must = (command, args, options) => {
    const { reason } = attempt(command, args, options)
    if (reason) throw new SetupError(code, { ...values, reason })
  }
  const downloads = join(folder, 'packages')
  const lists = join(folder, 'lists')
  mkdirSync(downloads)
  for (const name of [lists, join(lists, 'partial')]) mkdirSync(name)
  try {
    must('apt-get', ['download', '--quiet', ...packages], { cwd: downloads })
  } catch {
    // The system may have no lists of packages yet, or old ones. Lists of its own need no rights.
    const own = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${folder}`]
    must('apt-get', [...own, '--quiet', 'update'])
    must('apt-get', [...own, 'download', '--quiet', ...packages], { cwd: downloads })
  }
  for (const file of readdirSync(downloads)) must('dpkg-deb', ['--extract', join(downloads, file), folder])
}
