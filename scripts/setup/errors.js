/** Errors of installations into the project's folder. */
const setupErrors = {
  SETUP_PLATFORM: {
    message: '{what} can be installed on {expected} only, and this machine is {platform}',
    hint: 'use a machine of that platform, or do without: nothing else needs it',
  },
  SETUP_PYTHON: {
    message: '{command} did not run with its modules venv and pip ({reason})',
    hint: 'install Python 3 with both (Debian: apt-get install python3-venv python3-pip), or name another with PYTHON=…',
  },
  SETUP_COMPILER: {
    message: 'the C++ compiler {command} did not run ({reason})',
    hint: 'install one (Debian: apt-get install g++), or name another with CXX=…',
  },
  SETUP_DOWNLOAD: {
    message: '{what} could not be downloaded from {from}: {reason}',
    hint: 'check the network and the settings of the package client, then run the same command again',
  },
  SETUP_CHECKSUM: {
    message: '{file} of {what} has the checksum {found} in place of {expected}',
    hint: 'the package has changed: compare it with the earlier one, and put the new checksum into scripts/data.js if it is right',
  },
  SETUP_BUILD: {
    message: '{what} did not build: {reason}',
    hint: 'remove {folder} and run the same command again; if that fails too, the compiler is too old or the package has changed',
  },
  SETUP_CHROMIUM: {
    message: 'there is no Chromium in PATH, and it cannot be installed here ({reason})',
    hint: 'install it (Debian: apt-get install chromium), or name the program with CHROMIUM=…',
  },
  SETUP_MOSQUITTO: {
    message: 'the broker Mosquitto cannot be installed here ({reason})',
    hint: 'install it (Debian: apt-get install mosquitto), and name the program with MOSQUITTO=/usr/sbin/mosquitto',
  },
  SETUP_GO: {
    message: 'the compiler of Go {command} did not run ({reason})',
    hint: 'install Go 1.25 or newer (Debian: apt-get install golang), or name another with GO=…, or a built program with VERSITYGW=…',
  },
  SETUP_UNKNOWN: {
    message: 'the name {given} is unknown',
    hint: 'use one of {known}',
  },
}

export class SetupError extends Error {
  /**
   * @param {keyof typeof setupErrors} code
   * @param {Record<string, unknown>} values
   */
  constructor(code, values, options) {
    const filled = (/** @type {string} */ text) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]))
    super(filled(setupErrors[code].message), options)
    this.code = code
    this.hint = filled(setupErrors[code].hint)
  }
}
