// Prints the command that runs schemathesis, as JSON; installs schemathesis into .peers/ if it is missing.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeOnce, peersFolder } from './setup/folders.js'
import { pinned, python } from './setup/python.js'
import { main, must, step } from './setup/run.js'

const version = '4.32.5'
const what = `schemathesis==${version}`

main(() => {
  mkdirSync(peersFolder, { recursive: true })
  const folder = makeOnce(join(peersFolder, `schemathesis-${version}`), (draft) => {
    must(python(), ['-m', 'venv', draft], 'SETUP_PYTHON', {})
    const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', pinned('schemathesis')]
    step(`installing ${what}`, () =>
      must(join(draft, 'bin', 'python'), install, 'SETUP_DOWNLOAD', { what, from: 'PyPI' }),
    )
  })
  // An environment may be moved as long as it is used through its interpreter.
  console.log(JSON.stringify([join(folder, 'bin', 'python'), '-m', 'schemathesis.cli']))
})
