import type { CodedError } from '../../runtime/index.ts'
import { type Layout, locate } from '../weights/layout.ts'
import {
  type Accumulator,
  type DeltaHolder,
  HeldDelta,
  isWeight,
  leastWeight,
  mostWeight,
  type PartialSum,
  type Quanta,
  type SumName,
  type WeightedDelta,
} from './accumulator.ts'
import { refusalOf, sumError } from './errors.ts'
import { integerOf, wordsOf } from './exact-sums.ts'
import { peakOf } from './vector-passes.ts'
import { isInRange, type Share, WasmIntegers } from './wasm-integers.ts'

/** Low integers are carried into the high ones before their magnitude can reach this. */
const mostBound = 2n ** 62n
/** The quantum of the high integers is coarser by this number of bits. */
const highBits = 20
/** A sum whose magnitude could reach this is refused, so that high integers are exact in a double, too. */
const mostTotal = 2n ** 72n

/** Numbers of arrays that one pass can add, largest first. */
const passSizes = [4, 2]

/** Runs waiting so that it counts as activity. */
export type Track = <Outcome>(work: Promise<Outcome>) => Promise<Outcome>

/** Defaults: quantumBits 34, weightBits 0. Values must be below 2^(51−quantumBits) in magnitude. */
export interface AccumulatorOptions extends Partial<Quanta> {
  readonly layout: Layout
  /** Identifies the sum to holders of deltas. Unique at a time. Default: a new name. */
  readonly name?: string
  /** Use memory that other threads can read. Default: false. */
  readonly shared?: boolean
  /** Counts waiting for holders as activity. */
  readonly track?: Track
}

let accumulators = 0

/**
 * An accumulator of 64-bit integers in WebAssembly memory: 8 bytes for each weight, for any number of updates.
 * weight·delta is rounded to the quantum (ties to even) by adding 1.5·2^(52−s), which leaves the integer in the low
 * bits.
 *
 * An update whose products reach 2^(51−s), such as that of a client with very many samples, is rounded to a quantum
 * 2^20 times as coarse, which is still 2^−31 of its largest product, and added to a second array of integers, the high
 * integers. Before the first array could overflow, its upper bits are carried to the second, exactly. So each update's
 * integers depend only on the update, and the sum depends only on the set of updates.
 */
export function accumulator(options: AccumulatorOptions): Accumulator {
  return new WasmAccumulator(options)
}

/**
 * An accumulator that can also check an update without adding it, for sums that must count an update all together or
 * not at all.
 */
export class WasmAccumulator implements Accumulator {
  readonly size: number
  weight = 0
  updates = 0
  readonly #layout: Layout
  readonly #quanta: Quanta
  readonly #shared: boolean
  readonly #low: WasmIntegers
  /** Upper bound of the low integers' magnitude. */
  #lowBound = 0n
  #high: WasmIntegers | undefined
  #hasHigh = false
  /** Upper bound of the sum's magnitude. */
  #bound = 0n
  #name: SumName
  readonly #track: Track
  readonly #holders = new Set<DeltaHolder>()

  constructor({
    layout,
    quantumBits = 34,
    weightBits = 0,
    name,
    shared = false,
    track = (work) => work,
  }: AccumulatorOptions) {
    accumulators += 1
    this.#name = { name: name ?? `sum ${accumulators}`, number: accumulators }
    this.#track = track
    this.size = layout.size
    this.#layout = layout
    this.#quanta = { quantumBits, weightBits }
    this.#shared = shared
    this.#low = new WasmIntegers(layout.size, quantumBits, shared)
  }

  add(update: WeightedDelta): void {
    this.#checkFrame(update)
    const { end, delta, weight } = update
    if (delta instanceof HeldDelta) this.#addHeld(end, delta, weight)
    else this.#addArray(end, delta, weight)
    this.#count(weight, 1)
  }

  addAll(updates: readonly WeightedDelta[]): readonly (CodedError | undefined)[] {
    const refusals: (CodedError | undefined)[] = []
    for (let next = 0; next < updates.length; ) {
      const size = passSizes.find((size) => size <= updates.length - next) ?? 1
      const pass = updates.slice(next, next + size)
      next += size
      if (size > 1 && this.#addPass(pass)) for (const _ of pass) refusals.push(undefined)
      else for (const update of pass) refusals.push(refusalOf(() => this.add(update)))
    }
    return refusals
  }

  /**
   * Adds arrays in one pass over the low integers. Returns false, without a change, where the arrays must be added one
   * by one.
   */
  #addPass(updates: readonly WeightedDelta[]): boolean {
    const deltas: Float32Array[] = []
    const weights: number[] = []
    let weight = 0
    for (const update of updates) {
      const { delta } = update
      const isOne = isWeight(update.weight, this.#quanta.weightBits)
      if (delta instanceof HeldDelta || delta.length !== this.size || !isOne) return false
      deltas.push(delta)
      weights.push(update.weight)
      weight += update.weight
    }
    if (this.weight + weight > this.#mostTotalWeight) return false
    const peaks = this.#low.accumulate(deltas, weights)
    if (!peaks) return false
    const quanta = peaks.reduce((sum, peak) => sum + this.#quantaOf(peak), 0n)
    if (this.#bound + quanta >= mostTotal) {
      for (const [index, delta] of deltas.entries()) this.#low.takeAway(delta, weights[index] ?? 0)
      return false
    }
    this.#boundLow(quanta)
    this.#count(weight, updates.length)
    return true
  }

  /** Throws the error with which `add` would refuse the update. */
  check(update: WeightedDelta): void {
    this.#checkFrame(update)
    const { end, delta, weight } = update
    if (delta instanceof HeldDelta) delta.checkHeld()
    this.#checkPeak(end, delta instanceof HeldDelta ? delta.peak : peakOf(delta), weight)
  }

  /** Checks size and weight. */
  #checkFrame({ end, delta, weight }: WeightedDelta): void {
    this.#checkSize(end, delta.length)
    this.#checkWeight(`the update of ${end}`, weight, mostWeight(this.#quanta.weightBits))
    this.#checkWeight(`all updates, with that of ${end}`, this.weight + weight, this.#mostTotalWeight)
  }

  #addArray(end: string, delta: Float32Array, weight: number): void {
    const low = this.#low.accumulate([delta], [weight])
    const [peak] = low ?? this.#addHigh(delta, weight) ?? []
    if (peak === undefined) {
      const index = delta.findIndex((value) => !this.#isInRange(value, weight))
      throw this.#valueError(end, index, delta[index], weight)
    }
    const quanta = this.#quantaOf(peak)
    if (this.#bound + quanta >= mostTotal) {
      const to = low === undefined ? this.#high : this.#low
      to?.takeAway(delta, weight)
      throw this.#overflow(end, weight, this.#bound + quanta)
    }
    if (low === undefined) this.#bound += quanta
    else this.#boundLow(quanta)
  }

  /** Raises the bounds by `quanta`, and carries if the low integers could overflow. */
  #boundLow(quanta: bigint): void {
    this.#bound += quanta
    this.#lowBound += quanta
    if (this.#lowBound >= mostBound) this.#carry()
  }

  /**
   * Adds a delta whose products are beyond the range of the low integers. Undefined if a value itself is out of range.
   */
  #addHigh(delta: Float32Array, weight: number): readonly number[] | undefined {
    const { magnitude } = peakOf(delta)
    return this.#isInRange(magnitude, weight) ? this.#highOnes().accumulate([delta], [weight]) : undefined
  }

  #addHeld(end: string, delta: HeldDelta, weight: number): void {
    this.#checkPeak(end, delta.peak, weight)
    delta.addTo(this.#name, weight, this.#quanta)
    this.#bound += this.#quantaOf(delta.peak.magnitude * weight)
    this.#holders.add(delta.holder)
  }

  #checkPeak(end: string, { magnitude, index }: HeldDelta['peak'], weight: number): void {
    if (!this.#isInRange(magnitude, weight)) throw this.#valueError(end, index, magnitude, weight)
    const bound = this.#bound + this.#quantaOf(magnitude * weight)
    if (bound >= mostTotal) throw this.#overflow(end, weight, bound)
  }

  async settle(): Promise<void> {
    const holders = [...this.#holders]
    this.#holders.clear()
    const name = this.#name
    for (const part of await this.#track(Promise.all(holders.map((holder) => holder.collect(name))))) this.#take(part)
  }

  merge(end: string, partial: PartialSum, weight = 1): void {
    this.checkPartial(end, partial, weight)
    const { weightBits } = this.#quanta
    const share = weight === 1 ? undefined : { factor: weight * 2 ** weightBits, bits: weightBits }
    if (!share || !partial.high) this.#take(partial, share)
    else this.#take({ ...partial, ...sharedHigh(partial.sum, partial.high, share) })
    // Each integer is at most as large as before.
    this.#bound += integerOf(partial.bound)
    this.#count(this.#weightOf(partial, weight), partial.updates)
  }

  /** Throws the error with which `merge` would refuse the sum. */
  checkPartial(end: string, partial: PartialSum, share = 1): void {
    const { quantumBits, sum, high, bound: words, weight } = partial
    const mostShare = Math.min(1, mostWeight(this.#quanta.weightBits))
    if (share !== 1) this.#checkWeight(`the sum of ${end} in this sum`, share, mostShare)
    this.#checkSize(end, sum.length)
    if (high) this.#checkSize(end, high.length)
    if (quantumBits !== this.#quanta.quantumBits)
      throw sumError('SUM_QUANTUM', { end, came: quantumBits, expected: this.#quanta.quantumBits })
    this.#checkWeight(`the sum of ${end}`, weight, this.#mostTotalWeight)
    const all = this.weight + this.#weightOf(partial, share)
    this.#checkWeight(`all updates, with those of ${end}`, all, this.#mostTotalWeight)
    const bound = integerOf(words)
    if (bound < 0n || this.#bound + bound >= mostTotal) throw this.#overflow(end, weight, this.#bound + bound)
  }

  /** The weight of a sum that is merged with a weight, on the grid of weights. */
  #weightOf({ weight }: PartialSum, share: number): number {
    const grid = 2 ** this.#quanta.weightBits
    return share === 1 ? weight : Math.round(weight * share * grid) / grid
  }

  #take({ sum, high, bound }: PartialSum, share?: Share): void {
    const lowBound = high ? 1n << BigInt(highBits) : integerOf(bound)
    if (this.#lowBound + lowBound >= mostBound) this.#carry()
    this.#low.add(sum, share)
    this.#lowBound += lowBound
    if (high) this.#highOnes().add(high)
  }

  #count(weight: number, updates: number): void {
    this.weight += weight
    this.updates += updates
  }

  partial(): PartialSum {
    this.#checkSettled()
    if (this.#hasHigh) this.#carry()
    return {
      quantumBits: this.#quanta.quantumBits,
      sum: this.#low.given(),
      ...(this.#hasHigh && { high: this.#highOnes().given() }),
      bound: wordsOf(this.#bound),
      weight: this.weight,
      updates: this.updates,
    }
  }

  mean(): Float32Array {
    this.#checkSettled()
    if (this.weight === 0) throw sumError('SUM_EMPTY')
    return this.#divided(this.weight)
  }

  total(): Float32Array {
    this.#checkSettled()
    return this.#divided(1)
  }

  #divided(weight: number): Float32Array {
    if (!this.#hasHigh) return this.#low.means(weight)
    this.#carry()
    const low = this.#low.present()
    const high = this.#highOnes().present()
    // Both integers are exact as doubles, so their sum is rounded once, as a low integer alone is when it becomes a
    // double.
    const mean = new Float32Array(this.size)
    const quantum = 2 ** -this.#quanta.quantumBits
    for (let index = 0; index < mean.length; index++) {
      const sum = Number(high[index] ?? 0n) * 2 ** highBits + Number(low[index] ?? 0n)
      mean[index] = (sum * quantum) / weight
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
    this.weight = 0
    this.updates = 0
  }

  #highOnes(): WasmIntegers {
    this.#high ??= new WasmIntegers(this.size, this.#quanta.quantumBits - highBits, this.#shared)
    this.#hasHigh = true
    return this.#high
  }

  /** Carries from the low to the high integers, so that each low integer is at most half a high quantum. */
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

  /** Whether a value is in range, both with weight 1 and with its weight. False for NaN, too. */
  #isInRange(value: number, weight: number): boolean {
    const { quantumBits } = this.#quanta
    return isInRange(value, quantumBits) && isInRange(value * weight, quantumBits - highBits)
  }

  #quantaOf(product: number): bigint {
    return BigInt(Math.ceil(product * 2 ** this.#quanta.quantumBits))
  }

  #checkSettled(): void {
    if (this.#holders.size > 0) throw sumError('SUM_UNSETTLED', { holders: this.#holders.size })
  }

  #checkSize(end: string, came: number): void {
    if (came !== this.size) throw sumError('SUM_SIZE', { end, came, expected: this.size })
  }

  /** Largest total weight that is exact in a double. */
  get #mostTotalWeight(): number {
    return Number.MAX_SAFE_INTEGER * 2 ** -this.#quanta.weightBits
  }

  /** Checks that a weight, or a sum of weights, is on the grid and within range. */
  #checkWeight(of: string, weight: number, most: number): void {
    const { weightBits } = this.#quanta
    if (isWeight(weight, weightBits, most)) return
    throw sumError('SUM_WEIGHT', { of, weight, quantum: 2 ** -weightBits, least: leastWeight(weightBits), most })
  }

  #overflow(end: string, weight: number, bound: bigint): Error {
    return sumError('SUM_OVERFLOW', { end, weight, bound, quantumBits: this.#quanta.quantumBits })
  }

  #valueError(end: string, index: number, value: number | undefined, weight: number): Error {
    const { quantumBits } = this.#quanta
    const { tensor, offset } = locate(this.#layout, index) ?? { tensor: 'weights', offset: index }
    const limit = 2 ** (51 - quantumBits)
    const values = { end, tensor, offset, value, weight, limit, most: limit * 2 ** highBits }
    return sumError('SUM_VALUE', { ...values, quantumBits })
  }
}

/** A share of a sum's integers together, each rounded once to the quantum of the low ones, and divided up again. */
function sharedHigh(
  low: BigInt64Array,
  high: BigInt64Array,
  { factor, bits }: Share,
): { readonly sum: BigInt64Array; readonly high: BigInt64Array } {
  const [wide, half] = [BigInt(highBits), 1n << BigInt(highBits - 1)]
  const rounding = bits === 0 ? 0n : 1n << BigInt(bits - 1)
  const [sum, upper] = [low.slice(), high.slice()]
  for (let index = 0; index < sum.length; index++) {
    const whole = ((high[index] ?? 0n) << wide) + (low[index] ?? 0n)
    const scaled = (whole * BigInt(factor) + rounding) >> BigInt(bits)
    const carried = (scaled + half) >> wide
    sum[index] = scaled - (carried << wide)
    upper[index] = carried
  }
  return { sum, high: upper }
}
