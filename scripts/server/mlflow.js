import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { makeOnce, peersFolder } from '../setup/folders.js'
import { pinned, python } from '../setup/python.js'
import { must, step } from '../setup/run.js'

const version = '3.17.2'

/**
 * MLflow: the program that the environment names (MLFLOW), or MLflow of PyPI, installed here (850 MB). Answers with the
 * program and its first arguments: those of an environment that was moved run through its interpreter only.
 */
export function mlflow() {
  if (process.env.MLFLOW) return [process.env.MLFLOW]
  const what = `mlflow==${version}`
  mkdirSync(peersFolder, { recursive: true })
  const folder = makeOnce(join(peersFolder, `mlflow-${version}`), (draft) => {
    must(python(), ['-m', 'venv', draft], 'SETUP_PYTHON', {})
    const install = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--requirement', pinned('mlflow')]
    step(`installing ${what}`, () =>
      must(join(draft, 'bin', 'python'), install, 'SETUP_DOWNLOAD', { what, from: 'PyPI' }),
    )
  })
  return [join(folder, 'bin', 'python'), '-m', 'mlflow']
}
