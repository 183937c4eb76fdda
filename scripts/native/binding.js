import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { must, step } from '../setup/run.js'

const libraries = {
  'libtensorflow.so': 'libtensorflow_cc.so.2',
  'libtensorflow_cc.so.2': 'libtensorflow_cc.so.2',
  'libtensorflow_framework.so': 'libtensorflow_framework.so.2',
  'libtensorflow_framework.so.2': 'libtensorflow_framework.so.2',
}

/** A C++ compiler that runs. */
export function cxxCompiler() {
  const command = process.env.CXX || 'g++'
  must(command, ['--version'], 'SETUP_COMPILER', {})
  return command
}

/** Compiles tfjs-node's binding against the library, into the folder where the package looks for the binding. */
export function buildBinding(compiler, packages, library) {
  const folder = join(packages, '@tensorflow/tfjs-node')
  const links = join(folder, 'deps/lib')
  mkdirSync(links, { recursive: true })
  mkdirSync(join(folder, 'lib/napi-v8'), { recursive: true })
  for (const [name, target] of Object.entries(libraries)) {
    const link = join(links, name)
    rmSync(link, { force: true })
    symlinkSync(relative(links, join(library, target)), link)
  }
  const include = (path) => ['-I', path]
  const parameters = [
    ...['-O2', '-std=c++17', '-shared', '-fPIC', '-DNAPI_VERSION=8'],
    ...include('.'),
    ...include(join(packages, 'node-api-headers/include')),
    ...include(join(library, 'include')),
    ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'],
    ...['-Ldeps/lib', '-ltensorflow', '-ltensorflow_framework'],
    // The binding finds the libraries relative to itself, so that the project's folder may move.
    ...['-Wl,-rpath,$ORIGIN/../../deps/lib', '-o', 'lib/napi-v8/tfjs_binding.node'],
  ]
  step("compiling tfjs-node's binding", () =>
    must(compiler, parameters, 'SETUP_BUILD', { what: "tfjs-node's binding", folder }, { cwd: folder }),
  )
}

/** Loads the built module in a process of its own, and multiplies. Answers with the module's path. */
export function tryBinding(packages) {
  const folder = join(packages, '@tensorflow/tfjs-node')
  const module = join(folder, 'dist/index.js')
  const program = `
    const tf = require(${JSON.stringify(module)})
    const product = tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync()
    if (tf.getBackend() !== 'tensorflow' || product.some((value) => value !== 3)) throw new Error('wrong: ' + product)`
  const quiet = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' }
  step('trying it', () =>
    must(process.execPath, ['-e', program], 'SETUP_BUILD', { what: 'what runs', folder }, { env: quiet }),
  )
  return module
}
