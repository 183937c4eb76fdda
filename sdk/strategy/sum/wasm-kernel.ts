import { kernelBase64 } from './kernel-bytes.ts'

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

let compiled: WebAssembly.Module | undefined

/** Compiles once a thread; the module is small enough to be compiled at once anywhere. */
export function sumKernel(memory: WebAssembly.Memory): SumKernel {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(kernelBase64), (character) => character.charCodeAt(0)))
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } })
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

function isFunction(value: unknown): value is (...args: readonly unknown[]) => unknown {
  return typeof value === 'function'
}

function isGlobal(value: unknown): value is WebAssembly.Global {
  return value instanceof WebAssembly.Global
}
