import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

/** Substitutes of the modules of Node that nact imports. Any other module of Node in the bundle is an error. */
const substitutes: Record<string, string> = {
  assert: "module.exports = (fact) => { if (!fact) throw new Error('assertion failed') }",
  crypto: `module.exports = {
    randomBytes: () => ({ readUInt32BE: () => globalThis.crypto.getRandomValues(new Uint32Array(1))[0] }),
  }`,
}

const substitution: Plugin = {
  name: 'substitutes',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(assert|crypto)$/ }, ({ path }) => ({ path, namespace: 'substitute' }))
    onLoad({ filter: /.*/, namespace: 'substitute' }, ({ path }) => ({ contents: substitutes[path] ?? '' }))
  },
}

/** `setImmediate` by messages, since a browser delays time-outs. */
const immediates = `globalThis.setImmediate ??= (callback, ...args) => {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => { port1.close(); callback(...args) }
  port2.postMessage(undefined)
  return port1
}
globalThis.clearImmediate ??= (port) => port?.close()`

/** Bundles a built module with its imports into one ES module for the browser, as an application's bundler does. */
export async function browserBundle(module: URL): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(module)],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
    plugins: [substitution],
    banner: { js: immediates },
  })
  return outputFiles[0]?.contents ?? new Uint8Array()
}
