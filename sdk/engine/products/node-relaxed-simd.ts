/**
 * Allows modules with relaxed SIMD in this process, where Node keeps them behind a flag (Node 20). Does nothing outside
 * Node. For use only where such a module isn't valid: later versions of Node complain about the flag.
 */
export function allowRelaxedSimd(): void {
  // Not imported, since pages load this file, too.
  globalThis.process?.getBuiltinModule?.('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd')
}
