/**
 * Allows modules with relaxed SIMD in this process, where Node keeps them behind a flag (Node 20). Does nothing outside
 * Node. For use only where such a module isn't valid: later versions of Node complain about the flag.
 */
export function allowRelaxedSimd(): void {
  setFlag('experimental-wasm-relaxed-simd')
}

/** Versions of V8 that have been seen to join the lanes of the wide modules, with the bits of the others. */
const joining = ['13.6']

/** Switches of V8 that join neighbouring vectors of 4 lanes in one of 8, by the optimizing compiler and at once. */
const flags = ['experimental-wasm-revectorize', 'no-wasm-lazy-compilation', 'no-liftoff']

/** Whether this process is Node with a version of V8 that joins lanes, on x86-64. Not so in pages. */
export function joinsLanes(): boolean {
  const { process } = globalThis
  return (
    process?.release?.name === 'node' &&
    process.arch === 'x64' &&
    joining.some((version) => process.versions.v8?.startsWith(`${version}.`))
  )
}

/** Compiles a module at once, with joined lanes. Other modules of the process are compiled without. */
export function compiledJoined(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  for (const flag of flags) setFlag(flag)
  try {
    return new WebAssembly.Module(bytes)
  } finally {
    for (const flag of flags) setFlag(flag.startsWith('no-') ? flag.slice(3) : `no-${flag}`)
  }
}

function setFlag(name: string): void {
  // Not imported, since pages load this file, too.
  globalThis.process?.getBuiltinModule?.('node:v8').setFlagsFromString(`--${name}`)
}
