import { type Layout, locate } from '../../weights/layout.ts'
import type { Accumulator, PartialSum, WeightedDelta } from './accumulator.ts'
import { sumError } from './errors.ts'
import { type DeltaHolder, HeldDelta, peakOf, type SumName } from './held-delta.ts'
import { type SumKernel, sumKernel } from './wasm-kernel.ts'

/** Up to here a product with a float32 is exact in a double, and so rounded only once. */
const mostSamples = 2 ** 29
/** An integer of 64 bits whose magnitude could reach this is carried first. */
const mostBound = 2n ** 62n
/** By how many bits the quantum of the high integers is coarser. */
const highBits = 20
/** A sum whose magnitude could reach this is refused: high integers are exact in a double, too. */
const mostTotal = 2n ** 72n
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
 *
 * An update whose products reach 2^(51−s), as one of a client with very many samples may, is rounded to a quantum 2^20 times
 * as coarse, still 2^−31 of its largest product, and added to a second array of integers, the high ones. What could
 * overflow the first array is carried to the second one, exactly. So each update's integers depend on nothing but itself, and
 * the sum on nothing but the set of updates.
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
  readonly #shared: boolean
  readonly #low: Integers
  /** What the low integers could reach in magnitude. */
  #lowBound = 0n
  #high: Integers | undefined
  #hasHigh = false
  /** What the sum could reach in magnitude. */
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
    this.#shared = shared
    this.#low = new Integers(layout.size, quantumBits, shared)
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
    const low = this.#low.accumulate(delta, samples)
    const peak = low ?? this.#addHigh(delta, samples)
    if (peak === undefined) {
      const index = delta.findIndex((value) => !this.#isInRange(value, samples))
      throw this.#valueError(end, index, delta[index], samples)
    }
    const quanta = this.#quantaOf(peak)
    if (this.#bound + quanta >= mostTotal) {
      const to = low === undefined ? this.#high : this.#low
      to?.takeAway(delta, samples, delta.length)
      throw this.#overflow(end, samples, this.#bound + quanta)
    }
    this.#bound += quanta
    if (low === undefined) return
    this.#lowBound += quanta
    if (this.#lowBound >= mostBound) this.#carry()
  }

  /** Adds what is beyond the range of the low integers, but not because of its own size. */
  #addHigh(delta: Float32Array, samples: number): number | undefined {
    const { magnitude } = peakOf(delta)
    return this.#isInRange(magnitude, samples) ? this.#highOnes().accumulate(delta, samples) : undefined
  }

  #addHeld(end: string, delta: HeldDelta, samples: number): void {
    const { magnitude, index } = delta.peak
    if (!this.#isInRange(magnitude, samples)) throw this.#valueError(end, index, magnitude, samples)
    const bound = this.#bound + this.#quantaOf(magnitude * samples)
    if (bound >= mostTotal) throw this.#overflow(end, samples, bound)
    this.#bound = bound
    delta.addTo(this.#name, samples, this.#quantumBits)
    this.#holders.add(delta.holder)
  }

  async settle(): Promise<void> {
    const holders = [...this.#holders]
    this.#holders.clear()
    const name = this.#name
    for (const part of await this.#track(Promise.all(holders.map((holder) => holder.collect(name))))) this.#take(part)
  }

  merge(end: string, partial: PartialSum): void {
    const { quantumBits, sum, high, bound, samples, updates } = partial
    this.#checkSize(end, sum.length)
    if (high) this.#checkSize(end, high.length)
    if (quantumBits !== this.#quantumBits)
      throw sumError('SUM_QUANTUM', { end, came: quantumBits, expected: this.#quantumBits })
    if (!Number.isInteger(samples) || samples < 1)
      throw sumError('SUM_SAMPLES', { end, samples, most: Number.MAX_SAFE_INTEGER })
    if (bound < 0n || this.#bound + bound >= mostTotal) throw this.#overflow(end, samples, this.#bound + bound)
    this.#take(partial)
    this.#bound += bound
    this.samples += samples
    this.updates += updates
  }

  #take({ sum, high, bound }: PartialSum): void {
    const lowBound = high ? 1n << BigInt(highBits) : bound
    if (this.#lowBound + lowBound >= mostBound) this.#carry()
    this.#low.add(sum)
    this.#lowBound += lowBound
    if (high) this.#highOnes().add(high)
  }

  partial(): PartialSum {
    this.#checkSettled()
    if (this.#hasHigh) this.#carry()
    return {
      quantumBits: this.#quantumBits,
      sum: this.#low.given(),
      ...(this.#hasHigh && { high: this.#highOnes().given() }),
      bound: this.#bound,
      samples: this.samples,
      updates: this.updates,
    }
  }

  mean(): Float32Array {
    this.#checkSettled()
    if (this.updates === 0) throw sumError('SUM_EMPTY')
    if (!this.#hasHigh) return this.#low.means(this.samples)
    this.#carry()
    const low = this.#low.present()
    const high = this.#highOnes().present()
    // Both are exact as doubles: their sum is rounded once, as a low integer alone is where it becomes a double.
    const mean = new Float32Array(this.size)
    const quantum = 2 ** -this.#quantumBits
    for (let index = 0; index < mean.length; index++) {
      const sum = Number(high[index] ?? 0n) * 2 ** highBits + Number(low[index] ?? 0n)
      mean[index] = (sum * quantum) / this.samples
    }
    return mean
  }

  reset(): void {
    this.#low.reset()
    this.#high?.reset()
    this.#hasHigh = false
    this.#lowBound = 0n
    this.#bound = 0n
    this.#name = { ...this.#name, number: ++accumulators }
    this.#holders.clear()
    this.samples = 0
    this.updates = 0
  }

  #highOnes(): Integers {
    this.#high ??= new Integers(this.size, this.#quantumBits - highBits, this.#shared)
    this.#hasHigh = true
    return this.#high
  }

  /** Leaves at most half of a high quantum in each low integer. */
  #carry(): void {
    const low = this.#low.present()
    const high = this.#highOnes().present()
    const half = 1n << BigInt(highBits - 1)
    for (let index = 0; index < low.length; index++) {
      const integer = low[index] ?? 0n
      const carried = (integer + half) >> BigInt(highBits)
      low[index] = integer - (carried << BigInt(highBits))
      high[index] = (high[index] ?? 0n) + carried
    }
    this.#lowBound = half
  }

  /** Whether a value counts: by itself as that of one sample, and with its samples. False for what isn't a number, too. */
  #isInRange(value: number, samples: number): boolean {
    return isInRange(value, this.#quantumBits) && isInRange(value * samples, this.#quantumBits - highBits)
  }

  #quantaOf(product: number): bigint {
    return BigInt(Math.ceil(product * 2 ** this.#quantumBits))
  }

  #checkSettled(): void {
    if (this.#holders.size > 0) throw sumError('SUM_UNSETTLED', { holders: this.#holders.size })
  }

  #checkSize(end: string, came: number): void {
    if (came !== this.size) throw sumError('SUM_SIZE', { end, came, expected: this.size })
  }

  #overflow(end: string, samples: number, bound: bigint): Error {
    return sumError('SUM_OVERFLOW', { end, samples, bound, quantumBits: this.#quantumBits })
  }

  #valueError(end: string, index: number, value: number | undefined, samples: number): Error {
    const { tensor, offset } = locate(this.#layout, index) ?? { tensor: 'weights', offset: index }
    const limit = 2 ** (51 - this.#quantumBits)
    const values = { end, tensor, offset, value, samples, limit, most: limit * 2 ** highBits }
    return sumError('SUM_VALUE', { ...values, quantumBits: this.#quantumBits })
  }
}

/** One 64-bit integer a weight, in quanta of 2^−bits. */
class Integers {
  readonly #size: number
  readonly #bits: number
  readonly #magic: number
  readonly #memory: WebAssembly.Memory
  readonly #kernel: SumKernel
  /** Where the integers begin, behind the staging block. */
  readonly #sums: number
  readonly #staging: Float32Array

  constructor(size: number, bits: number, shared: boolean) {
    this.#size = size
    this.#bits = bits
    this.#magic = magicOf(bits)
    this.#sums = 8 * Math.min(blockSize, padded(size))
    const pages = Math.max(1, Math.ceil((this.#sums + 8 * padded(size)) / pageBytes))
    this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
    this.#kernel = sumKernel(this.#memory)
    this.#staging = new Float32Array(this.#memory.buffer, 0, Math.min(blockSize, padded(size)))
  }

  /**
   * Adds samples·delta. Answers with the largest magnitude of a product; undefined if one was out of range, in which case
   * the very integers that were added are taken away again, modulo 2^64.
   */
  accumulate(delta: Float32Array, samples: number): number | undefined {
    let peak = 0
    for (let from = 0; from < delta.length; from += blockSize) {
      const block = delta.subarray(from, from + blockSize)
      const product = this.#block(block, from, samples, false) * samples
      if (!isInRange(product, this.#bits)) {
        this.takeAway(delta, samples, from + block.length)
        return undefined
      }
      peak = Math.max(peak, product)
    }
    return peak
  }

  /** Takes away the first `count` products again. */
  takeAway(delta: Float32Array, samples: number, count: number): void {
    for (let from = 0; from < count; from += blockSize)
      this.#block(delta.subarray(from, Math.min(count, from + blockSize)), from, samples, true)
  }

  #block(block: Float32Array, from: number, samples: number, negative: boolean): number {
    const used = padded(block.length)
    this.#staging.set(block)
    this.#staging.fill(0, block.length, used)
    this.#kernel.accumulate(this.#sums + 8 * from, 0, used, samples, this.#magic, negative)
    return this.#kernel.peak()
  }

  add(sum: BigInt64Array): void {
    for (let from = 0; from < sum.length; from += blockSize) {
      const block = sum.subarray(from, from + blockSize)
      const staging = new BigInt64Array(this.#memory.buffer, 0, padded(block.length))
      staging.set(block)
      staging.fill(0n, block.length)
      this.#kernel.merge(this.#sums + 8 * from, 0, staging.length)
    }
  }

  present(): BigInt64Array {
    return new BigInt64Array(this.#memory.buffer, this.#sums, this.#size)
  }

  /** A copy; in shared memory, the integers themselves. */
  given(): BigInt64Array {
    return this.#memory.buffer instanceof ArrayBuffer ? this.present().slice() : this.present()
  }

  means(samples: number): Float32Array {
    const mean = new Float32Array(this.#size)
    for (let from = 0; from < this.#size; from += blockSize) {
      const count = Math.min(blockSize, this.#size - from)
      this.#kernel.means(this.#sums + 8 * from, 0, count, 2 ** -this.#bits, samples)
      mean.set(new Float32Array(this.#memory.buffer, 0, count), from)
    }
    return mean
  }

  reset(): void {
    new Uint8Array(this.#memory.buffer, this.#sums).fill(0)
  }
}

/** Added to a product, leaves it as an integer in quanta of 2^−bits in the low bits. */
function magicOf(bits: number): number {
  return 1.5 * 2 ** (52 - bits)
}

/** Whether, with the magic constant added, the integer keeps to the low bits: below 2^(51−bits). False for NaN, too. */
function isInRange(product: number, bits: number): boolean {
  return Math.abs(product) + magicOf(bits) < 2 ** (53 - bits)
}

/** Counts are rounded up to whole vectors. */
function padded(count: number): number {
  return Math.ceil(count / 8) * 8
}
