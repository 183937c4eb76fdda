// Builds TensorFlow.js's native backend (tfjs-node) into .native/: `npm run native`. Its own install script fetches the
// TensorFlow library from a host that isn't a package registry; here the library is the one inside the PyPI wheel
// tensorflow-cpu, against which the package's own binding is compiled.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buildBinding, cxxCompiler, tryBinding } from './native/binding.js'
import { fetchPackages } from './native/packages.js'
import { fetchTensorFlow } from './native/tensorflow-library.js'
import { SetupError } from './setup/errors.js'
import { nativeFolder } from './setup/folders.js'
import { python } from './setup/python.js'
import { main } from './setup/run.js'

const versions = { tensorFlow: '2.21.0', tfjsNode: '4.22.0', nodeApiHeaders: '1.9.0' }
const platform = `${process.platform}-${process.arch}`

main(() => {
  if (platform !== 'linux-x64') {
    throw new SetupError('SETUP_PLATFORM', { what: 'the native TensorFlow library', expected: 'linux-x64', platform })
  }
  // Written last; sdk/layers/node-native-tensorflow.ts loads the module that it names.
  const record = join(nativeFolder, 'built.json')
  if (isBuilt(record)) return console.error(`built already: ${nativeFolder}`)
  // Checked before the large downloads.
  const [interpreter, compiler] = [python(), cxxCompiler()]
  mkdirSync(nativeFolder, { recursive: true })
  const library = fetchTensorFlow(interpreter, nativeFolder, versions.tensorFlow)
  const packages = fetchPackages(nativeFolder, versions)
  buildBinding(compiler, packages, library)
  const module = tryBinding(packages)
  writeFileSync(record, JSON.stringify({ module: relative(nativeFolder, module), versions }))
  console.error(`built: ${nativeFolder}`)
})

function isBuilt(record) {
  return (
    existsSync(record) && JSON.stringify(JSON.parse(readFileSync(record, 'utf8')).versions) === JSON.stringify(versions)
  )
}
