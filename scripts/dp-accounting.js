// Prints the Python that has Google's dp-accounting; installs it into .peers/ if it is missing.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeOnce, peersFolder } from './setup/folders.js'
import { pinned, python } from './setup/python.js'
import { main, must, step } from './setup/run.js'

const version = '0.6.0'
const what = `dp-accounting==${version}`

main(() => {
  mkdirSync(peersFolder, { recursive: true })
  const folder = makeOnce(join(peersFolder, `dp-accounting-${version}`), (draft) => {
    must(python(), ['-m', 'venv', draft], 'SETUP_PYTHON', {})
    const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', pinned('dp-accounting')]
    step(`installing ${what}`, () =>
      must(join(draft, 'bin', 'python'), install, 'SETUP_DOWNLOAD', { what, from: 'PyPI' }),
    )
  })
  console.log(join(folder, 'bin', 'python'))
})
