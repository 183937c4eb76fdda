import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeOnce, peersFolder } from '../setup/folders.js'
import { pinned, python } from '../setup/python.js'
import { must, step } from '../setup/run.js'

const version = '0.7.0b3'

/**
 * A server that speaks MongoDB's wire protocol: the SecantusDB that the environment names (SECANTUSD), or one installed here.
 * No package registry has MongoDB's own. Answers with the program and its first arguments: those of an environment that was
 * moved run through its interpreter only.
 */
export function secantus() {
  if (process.env.SECANTUSD) return [process.env.SECANTUSD]
  const what = `secantusdb==${version}`
  mkdirSync(peersFolder, { recursive: true })
  const folder = makeOnce(join(peersFolder, `secantusdb-${version}`), (draft) => {
    must(python(), ['-m', 'venv', draft], 'SETUP_PYTHON', {})
    const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', pinned('secantusdb')]
    step(`installing ${what}`, () =>
      must(join(draft, 'bin', 'python'), install, 'SETUP_DOWNLOAD', { what, from: 'PyPI' }),
    )
  })
  return ['python', 'secantusd-py'].map((name) => join(folder, 'bin', name))
}
