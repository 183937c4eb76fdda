import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { unpackDebian } from '../setup/debian.js'
import { makeOnce, peersFolder } from '../setup/folders.js'
import { step } from '../setup/run.js'

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
    step('installing mosquitto', () => unpackDebian(packages, draft, 'SETUP_MOSQUITTO')),
  )
  const libraries = readdirSync(join(folder, 'usr/lib')).map((name) => join(folder, 'usr/lib', name))
  const command = (program) => ['env', `LD_LIBRARY_PATH=${libraries.join(':')}`, join(folder, program)]
  return { broker: command('usr/sbin/mosquitto'), passwords: command('usr/bin/mosquitto_passwd') }
}
