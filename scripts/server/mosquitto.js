import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from '../setup/errors.js'
import { makeOnce, peersFolder } from '../setup/folders.js'
import { attempt, step } from '../setup/run.js'

/** Debian's package, and the libraries that it needs and that a bare system lacks. */
const packages = ['mosquitto', 'libmosquitto1', 'libcjson1', 'libdlt2', 'libwrap0']

/**
 * The MQTT broker Mosquitto: the one that the environment names (MOSQUITTO), or Debian's package, unpacked here, without
 * root's rights. Answers with the commands of the broker and of the program that makes files of passwords.
 */
export function mosquitto() {
  if (process.env.MOSQUITTO) return { broker: [process.env.MOSQUITTO], passwords: ['mosquitto_passwd'] }
  mkdirSync(peersFolder, { recursive: true })
  const folder = makeOnce(join(peersFolder, 'mosquitto'), (draft) =>
    step('installing mosquitto', () => unpack(join(draft))),
  )
  const libraries = readdirSync(join(folder, 'usr/lib')).map((name) => join(folder, 'usr/lib', name))
  const command = (program) => ['env', `LD_LIBRARY_PATH=${libraries.join(':')}`, join(folder, program)]
  return { broker: command('usr/sbin/mosquitto'), passwords: command('usr/bin/mosquitto_passwd') }
}

function unpack(folder) {
  const downloads = join(folder, 'packages')
  const lists = join(folder, 'lists')
  mkdirSync(downloads)
  for (const name of [lists, join(lists, 'partial')]) mkdirSync(name)
  const download = () => must('apt-get', ['download', '--quiet', ...packages], { cwd: downloads })
  try {
    download()
  } catch {
    // The system may have no lists of packages yet, or old ones. Lists of its own need no rights.
    const own = ['-o', `Dir::State::lists=${lists}`, '-o', `Dir::Cache=${folder}`]
    must('apt-get', [...own, '--quiet', 'update'])
    must('apt-get', [...own, 'download', '--quiet', ...packages], { cwd: downloads })
  }
  for (const file of readdirSync(downloads)) must('dpkg-deb', ['--extract', join(downloads, file), folder])
}

function must(command, args, options) {
  const { reason } = attempt(command, args, options)
  if (reason) throw new SetupError('SETUP_MOSQUITTO', { reason })
}
