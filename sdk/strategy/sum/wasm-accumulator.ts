import { type Layout, locate } from '../../weights/layout.ts'
import type { Accumulator, PartialSum, WeightedDelta } from './accumulator.ts'
import { sumError } from './errors.ts'
import { type DeltaHolder, HeldDelta, type SumName } from './held-delta.ts'
import { type SumKernel, sumKernel } from './wasm-kernel.ts'

/** Up to here a product with a float32 is exact in a double, and so rounded only once. */
const mostSamples = 2 ** 29
/** A sum whose magnitude could reach this is refused. */
const mostBound = 2n ** 62n
/** Weights that are staged at a time: they stay in the processor's cache. */
const blockSize = 4096
const pageBytes = 65_536

export interface AccumulatorOptions {
  readonly layout: Layout
  /** s: the quantum is 2^−s. Values must be below 2^(51−s) in magnitude. From 0 to 51. */
  readonly quantumBits?: number
  /** Names the sum to holders of deltas; one of each name at a time. Default: that of no other. */
  readonly name?: string
  /** In memory that other threads can read. Default: false. */
  readonly shared?: boolean
  /** Counts waiting for holders as activity. */
  readonly track?: <Outcome>(work: Promise<Outcome>) => Promise<Outcome>
}

type Track = NonNullable<AccumulatorOptions['track']>

let accumulators = 0

/**
 * An accumulator of 64-bit integers in WebAssembly memory: 8 bytes a weight, however many updates.
 * n_k·Δ_k is rounded to the quantum (ties to even) by adding 1.5·2^(52−s), which leaves the integer in the low bits.
 */
export function accumulator({
  layout,
  quantumBits = 34,
  name,
  shared = false,
  track = (work) => work,
}: AccumulatorOptions): Accumulator {
  accumulators += 1
  return new WasmAccumulator(layout, quantumBits, name ?? `sum ${accumulators}`, shared, track)
}

class WasmAccumulator implements Accumulator {
  readonly size: number
  samples = 0
  updates = 0
  readonly #layout: Layout
  readonly #quantumBits: number
  readonly #magic: number
  /** What a magnitude, with the magic constant added, must stay below, so that the integer keeps to the low bits. */
  readonly #limit: number
  readonly #memory: WebAssembly.Memory
  readonly #kernel: SumKernel
  /** Where the integers begin, behind the staging block. */
  readonly #sums: number
  readonly #staging: Float32Array
  #bound = 0n
  #name: SumName
  readonly #track: Track
  readonly #holders = new Set<DeltaHolder>()

  constructor(layout: Layout, quantumBits: number, name: string, shared: boolean, track: Track) {
    this.#track = track
    this.#name = { name, number: ++accumulators }
    this.size = layout.size
    this.#layout = layout
    this.#quantumBits = quantumBits
    this.#magic = 1.5 * 2 ** (52 - quantumBits)
    this.#limit = 2 ** (53 - quantumBits)
    this.#sums = 8 * Math.min(blockSize, padded(layout.size))
    const pages = Math.max(1, Math.ceil((this.#sums + 8 * padded(layout.size)) / pageBytes))
    this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
    this.#kernel = sumKernel(this.#memory)
    this.#staging = new Float32Array(this.#memory.buffer, 0, Math.min(blockSize, padded(layout.size)))
  }

  add({ end, delta, samples }: WeightedDelta): void {
    this.#checkSize(end, delta.length)
    if (!Number.isInteger(samples) || samples < 1 || samples > mostSamples)
      throw sumError('SUM_SAMPLES', { end, samples, most: mostSamples })
    if (delta instanceof HeldDelta) this.#addHeld(end, delta, samples)
    else this.#addArray(end, delta, samples)
    this.samples += samples
    this.updates += 1
  }

  #addArray(end: string, delta: Float32Array, samples: number): void {
    const peak = this.#accumulate(delta, samples, false, delta.length)
    if (peak === undefined) {
      const index = delta.findIndex((value) => !this.#isInRange(value * samples))
      throw this.#valueError(end, index, delta[index], samples)
    }
    const bound = this.#boundWith(peak)
    if (bound >= mostBound) {
      this.#accumulate(delta, samples, true, delta.length)
      throw sumError('SUM_OVERFLOW', { end, bound })
    }
    this.#bound = bound
  }

  #addHeld(end: string, delta: HeldDelta, samples: number): void {
    const { magnitude, index } = delta.peak
    if (!this.#isInRange(magnitude * samples)) throw this.#valueError(end, index, magnitude, samples)
    const bound = this.#boundWith(magnitude * samples)
    if (bound >= mostBound) throw sumError('SUM_OVERFLOW', { end, bound })
    this.#bound = bound
    delta.addTo(this.#name, samples, this.#quantumBits)
    this.#holders.add(delta.holder)
  }

  async settle(): Promise<void> {
    const holders = [...this.#holders]
    this.#holders.clear()
    const name = this.#name
    for (const { sum } of await this.#track(Promise.all(holders.map((holder) => holder.collect(name)))))
      this.#addIntegers(sum)
  }

  merge(end: string, { quantumBits, sum, bound, samples, updates }: PartialSum): void {
    this.#checkSize(end, sum.length)
    if (quantumBits !== this.#quantumBits)
      throw sumError('SUM_QUANTUM', { end, came: quantumBits, expected: this.#quantumBits })
    if (!Number.isInteger(samples) || samples < 1)
      throw sumError('SUM_SAMPLES', { end, samples, most: Number.MAX_SAFE_INTEGER })
    if (bound < 0n || this.#bound + bound >= mostBound)
      throw sumError('SUM_OVERFLOW', { end, bound: this.#bound + bound })
    this.#addIntegers(sum)
    this.#bound += bound
    this.samples += samples
    this.updates += updates
  }

  #addIntegers(sum: BigInt64Array): void {
    for (let from = 0; from < sum.length; from += blockSize) {
      const block = sum.subarray(from, from + blockSize)
      const staging = new BigInt64Array(this.#memory.buffer, 0, padded(block.length))
      staging.set(block)
      staging.fill(0n, block.length)
      this.#kernel.merge(this.#sums + 8 * from, 0, staging.length)
    }
  }

  /** The bound with a product of this magnitude more. */
  #boundWith(peak: number): bigint {
    return this.#bound + BigInt(Math.ceil(peak * 2 ** this.#quantumBits))
  }

  partial(): PartialSum {
    this.#checkSettled()
    const present = new BigInt64Array(this.#memory.buffer, this.#sums, this.size)
    const sum = this.#memory.buffer instanceof ArrayBuffer ? present.slice() : present
    return { quantumBits: this.#quantumBits, sum, bound: this.#bound, samples: this.samples, updates: this.updates }
  }

  mean(): Float32Array {
    this.#checkSettled()
    if (this.updates === 0) throw sumError('SUM_EMPTY')
    const mean = new Float32Array(this.size)
    for (let from = 0; from < this.size; from += blockSize) {
      const count = Math.min(blockSize, this.size - from)
      this.#kernel.means(this.#sums + 8 * from, 0, count, 2 ** -this.#quantumBits, this.samples)
      mean.set(new Float32Array(this.#memory.buffer, 0, count), from)
    }
    return mean
  }

  reset(): void {
    new Uint8Array(this.#memory.buffer, this.#sums).fill(0)
    this.#bound = 0n
    this.#name = { ...this.#name, number: ++accumulators }
    this.#holders.clear()
    this.samples = 0
    this.updates = 0
  }

  /**
   * Adds, or takes away, the first `count` values. Answers with the largest magnitude of a product; undefined if a value was
   * damaged, in which case the very integers that were added are taken away again, modulo 2^64.
   */
  #accumulate(delta: Float32Array, samples: number, negative: boolean, count: number): number | undefined {
    let peak = 0
    for (let from = 0; from < count; from += blockSize) {
      const block = delta.subarray(from, Math.min(count, from + blockSize))
      const used = padded(block.length)
      this.#staging.set(block)
      this.#staging.fill(0, block.length, used)
      this.#kernel.accumulate(this.#sums + 8 * from, 0, used, samples, this.#magic, negative)
      const product = this.#kernel.peak() * samples
      if (!negative && !this.#isInRange(product)) {
        this.#accumulate(delta, samples, true, from + block.length)
        return undefined
      }
      peak = Math.max(peak, product)
    }
    return peak
  }

  /** False for what isn't a number, too. */
  #isInRange(product: number): boolean {
    return Math.abs(product) + this.#magic < this.#limit
  }

  #checkSettled(): void {
    if (this.#holders.size > 0) throw sumError('SUM_UNSETTLED', { holders: this.#holders.size })
  }

  #checkSize(end: string, came: number): void {
    if (came !== this.size) throw sumError('SUM_SIZE', { end, came, expected: this.size })
  }

  #valueError(end: string, index: number, value: number | undefined, samples: number): Error {
    const { tensor, offset } = locate(this.#layout, index) ?? { tensor: 'weights', offset: index }
    return sumError('SUM_VALUE', { end, tensor, offset, value, samples, limit: this.#limit / 4 })
  }
}

/** Counts are rounded up to whole vectors. */
function padded(count: number): number {
  return Math.ceil(count / 8) * 8
}
