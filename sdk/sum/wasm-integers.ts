import { padded, type SumKernel, sumKernel } from './sum-kernel.ts'

/** Number of weights that are staged at a time, so that they stay in the processor's cache. */
const blockSize = 8192
/** Most blocks, of different deltas, that one pass over the sum adds. */
const mostBlocks = 4
const pageBytes = 65_536

/** Memory before the staged blocks: one double for each block's weight, then one float for each block's peak. */
const weightsPlace = 0
const peaksPlace = 8 * mostBlocks
const stagingPlace = 64

/** For each added delta, the largest magnitude of its products. */
type Peaks = readonly number[]

/** One 64-bit integer for each weight of a model, in quanta of 2^−bits, in WebAssembly memory that threads may share. */
export class WasmIntegers {
  readonly #size: number
  readonly #bits: number
  readonly #magic: number
  readonly #memory: WebAssembly.Memory
  readonly #kernel: SumKernel
  /** Number of weights in a staged block. */
  readonly #block: number
  /** Address of the integers, behind the staged blocks. */
  readonly #sums: number
  readonly #weights: Float64Array
  readonly #peaks: Float32Array
  readonly #staging: readonly Float32Array[]

  constructor(size: number, bits: number, shared: boolean) {
    this.#size = size
    this.#bits = bits
    this.#magic = magicOf(bits)
    this.#block = Math.min(blockSize, padded(size))
    this.#sums = stagingPlace + 4 * mostBlocks * this.#block
    const pages = Math.ceil((this.#sums + 8 * padded(size)) / pageBytes)
    this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared })
    this.#kernel = sumKernel(this.#memory)
    const { buffer } = this.#memory
    this.#weights = new Float64Array(buffer, weightsPlace, mostBlocks)
    this.#peaks = new Float32Array(buffer, peaksPlace, mostBlocks)
    this.#staging = Array.from(
      { length: mostBlocks },
      (_, block) => new Float32Array(buffer, stagingPlace + 4 * block * this.#block, this.#block),
    )
  }

  /**
   * Adds weight·delta of one, two or four deltas in one pass. Returns the largest magnitude of each delta's products.
   * Undefined if a product was out of range: the added integers have then been subtracted again, modulo 2^64.
   */
  accumulate(deltas: readonly Float32Array[], weights: readonly number[]): Peaks | undefined {
    const most = weights.map(() => 0)
    this.#weights.set(weights)
    for (let from = 0; from < this.#size; from += this.#block) {
      const count = Math.min(this.#block, this.#size - from)
      for (let block = 0; block < deltas.length; block++) this.#stage(block, deltas[block], from, count)
      const sums = this.#sums + 8 * from
      const stride = 4 * this.#block
      this.#kernel.accumulate(
        sums,
        stagingPlace,
        stride,
        deltas.length,
        padded(count),
        weightsPlace,
        peaksPlace,
        this.#magic,
      )
      let isIn = true
      for (let block = 0; block < deltas.length; block++) {
        const product = (this.#peaks[block] ?? 0) * (weights[block] ?? 0)
        if (!isInRange(product, this.#bits)) isIn = false
        else if (product > (most[block] ?? 0)) most[block] = product
      }
      if (isIn) continue
      for (const [index, delta] of deltas.entries()) this.takeAway(delta, weights[index] ?? 0, from + count)
      return undefined
    }
    return most
  }

  /** Subtracts the products of a delta's first values. */
  takeAway(delta: Float32Array, weight: number, values = delta.length): void {
    this.#weights[0] = weight
    for (let from = 0; from < values; from += this.#block) {
      const count = Math.min(this.#block, values - from)
      this.#stage(0, delta, from, count)
      const sums = this.#sums + 8 * from
      this.#kernel.takeAway(sums, stagingPlace, padded(count), weightsPlace, peaksPlace, this.#magic)
    }
  }

  #stage(block: number, delta: Float32Array | undefined, from: number, count: number): void {
    const staging = this.#staging[block]
    if (!staging || !delta) return
    staging.set(count === delta.length ? delta : delta.subarray(from, from + count))
    if (count < this.#block) staging.fill(0, count)
  }

  /** Adds integers, each multiplied by `share`, if there is one, and rounded to the nearest integer, half-way up. */
  add(sum: BigInt64Array, share?: Share): void {
    for (let from = 0; from < sum.length; from += this.#block) {
      const block = sum.subarray(from, from + this.#block)
      const staging = new BigInt64Array(this.#memory.buffer, stagingPlace, padded(block.length))
      staging.set(block)
      staging.fill(0n, block.length)
      if (share) this.#kernel.scale(stagingPlace, staging.length, share.factor, share.bits)
      this.#kernel.merge(this.#sums + 8 * from, stagingPlace, staging.length)
    }
  }

  present(): BigInt64Array {
    return new BigInt64Array(this.#memory.buffer, this.#sums, this.#size)
  }

  /** A copy. In shared memory it's the integers themselves. */
  given(): BigInt64Array {
    return this.#memory.buffer instanceof ArrayBuffer ? this.present().slice() : this.present()
  }

  /** Each integer in units of 1, divided by the weight, as float32. */
  means(weight: number): Float32Array {
    const mean = new Float32Array(this.#size)
    for (let from = 0; from < this.#size; from += this.#block) {
      const count = Math.min(this.#block, this.#size - from)
      this.#kernel.means(this.#sums + 8 * from, stagingPlace, count, 2 ** -this.#bits, weight)
      mean.set(new Float32Array(this.#memory.buffer, stagingPlace, count), from)
    }
    return mean
  }

  reset(): void {
    new Uint8Array(this.#memory.buffer, this.#sums).fill(0)
  }
}

/** A weight of at most 1: factor × 2^−bits, with a factor of at most 2^29. */
export interface Share {
  readonly factor: number
  readonly bits: number
}

/**
 * Whether a product plus the magic constant keeps the integer in the low bits: below 2^(51−bits). False for NaN, too.
 */
export function isInRange(product: number, bits: number): boolean {
  return Math.abs(product) + magicOf(bits) < 2 ** (53 - bits)
}

/** Adding this number to a product leaves the product as an integer, in quanta of 2^−bits, in the low bits. */
function magicOf(bits: number): number {
  return 1.5 * 2 ** (52 - bits)
}
