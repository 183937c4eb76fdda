import { kernelBase64 } from './kernel-bytes.ts'
import { sharedKernelBase64 } from './shared-kernel-bytes.ts'

/** Rounds a count up to whole vectors of the kernel. */
export function padded(count: number): number {
  return Math.ceil(count / 8) * 8
}

/** The compiled functions of assembly/kernel.ts over one memory. */
export interface SumKernel {
  readonly accumulate: (
    sums: number,
    deltas: number,
    stride: number,
    blocks: number,
    count: number,
    weights: number,
    peaks: number,
    magic: number,
  ) => void
  readonly takeAway: (
    sums: number,
    deltas: number,
    count: number,
    weights: number,
    peaks: number,
    magic: number,
  ) => void
  readonly merge: (sums: number, others: number, count: number) => void
  readonly scale: (integers: number, count: number, factor: number, bits: number) => void
  readonly means: (sums: number, out: number, count: number, quantum: number, weight: number) => void
  readonly subtract: (values: number, base: number, count: number) => number
  readonly peak: (values: number, count: number) => number
}

/** Compiled modules by their bytes. */
const compiled = new Map<string, WebAssembly.Module>()

/**
 * Instantiates the kernel over memory, shared or not. Compiles once in each thread. Every engine allows synchronous
 * compilation of such a small module.
 */
export function sumKernel(memory: WebAssembly.Memory): SumKernel {
  const bytes = memory.buffer instanceof ArrayBuffer ? kernelBase64 : sharedKernelBase64
  const module = compiled.get(bytes) ?? compile(bytes)
  compiled.set(bytes, module)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const { accumulate, takeAway, merge, scale, means, subtract, peak } = exports
  const isWhole = isFunction(accumulate) && isFunction(takeAway) && isFunction(merge)
  const hasPasses = isFunction(subtract) && isFunction(peak)
  if (!isWhole || !hasPasses || !isFunction(scale) || !isFunction(means)) {
    throw new TypeError('the sum kernel lacks an export; build it again')
  }
  return {
    accumulate: (...args) => void accumulate(...args),
    takeAway: (...args) => void takeAway(...args),
    merge: (...args) => void merge(...args),
    scale: (...args) => void scale(...args),
    means: (...args) => void means(...args),
    subtract: (...args) => Number(subtract(...args)),
    peak: (...args) => Number(peak(...args)),
  }
}

function compile(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)))
}

function isFunction(value: unknown): value is (...args: readonly unknown[]) => unknown {
  return typeof value === 'function'
}
