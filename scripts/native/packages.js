import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeOnce } from '../setup/folders.js'
import { must, step } from '../setup/run.js'

/**
 * Installs tfjs-node, without its install script, and Node's headers. Answers with the path of their `node_modules`.
 * Removes tfjs-node's copies of TensorFlow.js, so that it finds the project's: two copies would have two sets of
 * classes.
 */
export function fetchPackages(folder, { tfjsNode, nodeApiHeaders }) {
  const what = `@tensorflow/tfjs-node ${tfjsNode}`
  const whole = makeOnce(join(folder, `tfjs-node-${tfjsNode}`), (draft) => {
    const dependencies = { '@tensorflow/tfjs-node': tfjsNode, 'node-api-headers': nodeApiHeaders }
    writeFileSync(join(draft, 'package.json'), JSON.stringify({ private: true, dependencies }))
    const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', draft]
    step(`installing ${what} without its native part`, () =>
      must('npm', install, 'SETUP_DOWNLOAD', { what, from: 'the npm registry' }),
    )
    const scope = join(draft, 'node_modules/@tensorflow')
    for (const name of readdirSync(scope)) if (name !== 'tfjs-node') rmSync(join(scope, name), { recursive: true })
  })
  return join(whole, 'node_modules')
}
