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
  // Not imported, since pages load this file, too.
  const v8 = globalThis.process?.getBuiltinModule?.('node:v8')
  for (const flag of flags) v8?.setFlagsFromString(`--${flag}`)
  try {
    return new WebAssembly.Module(bytes)
  } finally {
    for (const flag of flags) v8?.setFlagsFromString(flag.startsWith('no-') ? `--${flag.slice(3)}` : `--no-${flag}`)
  }
}
