import { kernelBase64 } from './kernel-bytes.ts'
import { sharedKernelBase64 } from './shared-kernel-bytes.ts'

/** The compiled functions of kernel.as over one memory. */
export interface SumKernel {
  readonly accumulate: (
    sums: number,
    deltas: number,
    count: number,
    samples: number,
    magic: number,
    negative: boolean,
  ) => void
  readonly merge: (sums: number, others: number, count: number) => void
  readonly means: (sums: number, out: number, count: number, quantum: number, samples: number) => void
  /** Largest magnitude of the deltas that `accumulate` added last; NaN if one of them was. */
  readonly peak: () => number
}

/** By the bytes they were made of. */
const compiled = new Map<string, WebAssembly.Module>()

/** Over memory that is shared among threads, or isn't. Compiles once a thread; the module is small enough to be compiled at once anywhere. */
export function sumKernel(memory: WebAssembly.Memory): SumKernel {
  const bytes = memory.buffer instanceof ArrayBuffer ? kernelBase64 : sharedKernelBase64
  const module = compiled.get(bytes) ?? compile(bytes)
  compiled.set(bytes, module)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const { accumulate, merge, means, peak } = exports
  if (!isFunction(accumulate) || !isFunction(merge) || !isFunction(means) || !isGlobal(peak)) {
    throw new TypeError('the sum kernel lacks an export; build it again')
  }
  return {
    accumulate: (...args) => void accumulate(...args),
    merge: (...args) => void merge(...args),
    means: (...args) => void means(...args),
    peak: () => Number(peak.value),
  }
}

function compile(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)))
}

function isFunction(value: unknown): value is (...args: readonly unknown[]) => unknown {
  return typeof value === 'function'
}

function isGlobal(value: unknown): value is WebAssembly.Global {
  return value instanceof WebAssembly.Global
}
