import { padded, type SumKernel, sumKernel } from './sum-kernel.ts'

/** A vector's largest value, which suffices to refuse the vector. */
export interface DeltaPeak {
  /** Largest magnitude of a value. NaN if a value is NaN. */
  readonly magnitude: number
  /** The index of this value in the vector. */
  readonly index: number
}

/** Number of values that are staged at a time, so that they stay in the processor's nearest cache. */
const blockSize = 4096
const basePlace = 4 * blockSize
const pageBytes = 65_536

interface Staging {
  readonly kernel: SumKernel
  readonly values: Float32Array
  readonly base: Float32Array
}

let staging: Staging | undefined

/** Memory of this thread, for one pass at a time. */
function staged(): Staging {
  if (staging) return staging
  const memory = new WebAssembly.Memory({ initial: Math.ceil((8 * blockSize) / pageBytes) })
  const view = (place: number) => new Float32Array(memory.buffer, place, blockSize)
  staging = { kernel: sumKernel(memory), values: view(0), base: view(basePlace) }
  return staging
}

/** Copies a block of an array. Returns the number of values, rounded up to whole vectors, of which the surplus is 0. */
function stage(place: Float32Array, from: Float32Array, start: number): number {
  const count = Math.min(blockSize, from.length - start)
  place.set(count === from.length ? from : from.subarray(start, start + count))
  const whole = padded(count)
  if (whole > count) place.fill(0, count, whole)
  return whole
}

/**
 * Turns values, in place, into their difference from a base of the same length, in one pass. Returns false where a
 * difference isn't finite.
 */
export function subtractBase(values: Float32Array, base: Float32Array): boolean {
  const { kernel, values: here, base: there } = staged()
  let most = 0
  for (let from = 0; from < values.length; from += blockSize) {
    stage(there, base, from)
    most = Math.max(most, kernel.subtract(0, basePlace, stage(here, values, from)))
    const count = Math.min(blockSize, values.length - from)
    values.set(count === blockSize ? here : here.subarray(0, count), from)
  }
  return most < infinityBits
}

/** The bits of infinity. Those of NaN, without a sign, are higher as integers; those of all numbers are lower. */
const infinityBits = 0x7f800000

/** @returns the index of the first NaN, or else of the first value with the largest magnitude. */
export function peakOf(delta: Float32Array): DeltaPeak {
  const { kernel, values } = staged()
  let most = 0
  let block = 0
  for (let from = 0; from < delta.length; from += blockSize) {
    const bits = kernel.peak(0, stage(values, delta, from))
    if (bits <= most) continue
    most = bits
    block = from
    if (bits > infinityBits) break
  }
  const magnitude = floatOf(most)
  const end = Math.min(block + blockSize, delta.length)
  for (let index = block; index < end; index++) {
    const here = Math.abs(delta[index] ?? 0)
    if (here === magnitude || Number.isNaN(here)) return { magnitude, index }
  }
  return { magnitude: 0, index: 0 }
}

const word = new DataView(new ArrayBuffer(4))

function floatOf(bits: number): number {
  word.setInt32(0, bits)
  return word.getFloat32(0)
}
