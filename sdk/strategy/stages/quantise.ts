import type { RandomStream } from '../../random/random-stream.ts'
import type { Levels } from '../../sum/packed-vector.ts'
import { type Layout, sizeOf } from '../../weights/layout.ts'
import { norm } from './clip.ts'

export interface QsgdChoices {
  /** s: number of levels above 0. */
  readonly levels: number
  /** d: number of values that share a norm. */
  readonly bucket: number
  readonly norm: '2-norm' | 'max'
  /** `random` makes the result unbiased. `down`: no draws, and the highest level is s − 1. */
  readonly rounding: 'random' | 'down'
}

/**
 * QSGD: of each bucket, ‖x‖·sign(x)·level/s, where the level of a value is s·|x|/‖x‖, rounded down or, with the
 * probability of the remainder, up.
 */
export function quantised(values: Float32Array, choices: QsgdChoices, random: RandomStream): Levels {
  const { levels: most, bucket, rounding } = choices
  const levels = new Int32Array(values.length)
  const scales = new Float64Array(Math.ceil(values.length / bucket))
  for (let start = 0; start < values.length; start += bucket) {
    const part = values.subarray(start, start + bucket)
    const length =
      choices.norm === 'max' ? part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) : norm(part)
    scales[start / bucket] = length
    for (let i = 0; i < part.length; i++) {
      const exact = length === 0 ? 0 : (most * Math.abs(part[i]!)) / length
      const below = Math.floor(exact)
      const level = rounding === 'down' ? Math.min(below, most - 1) : below + (random.uniform() < exact - below ? 1 : 0)
      levels[start + i] = Math.sign(part[i]!) * level
    }
  }
  return { levels, scales, bucket, divisor: most }
}

/** (‖x‖₁/N)·sign(x) */
export function scaledSigns(values: Float32Array): Levels {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]!)
  const scales = Float64Array.of(values.length === 0 ? 0 : sum / values.length)
  return { levels: Int32Array.from(values, Math.sign), scales, bucket: Math.max(1, values.length), divisor: 1 }
}

/** Of each tensor, rounded to the nearest of 2^b − 1 even steps between −max|x| and max|x|, half-way to even. */
export function evenSteps(values: Float32Array, bits: number, { tensors }: Layout): Levels {
  const levels = new Int32Array(values.length)
  const scales: number[] = []
  const ends: number[] = []
  let start = 0
  for (const { shape } of tensors) {
    const part = values.subarray(start, start + sizeOf(shape))
    // A tensor without values has no scale.
    if (part.length === 0) continue
    const most = part.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    const scale = most / (2 ** (bits - 1) - 1)
    for (let i = 0; i < part.length; i++) levels[start + i] = scale === 0 ? 0 : toEven(part[i]! / scale)
    start += part.length
    scales.push(scale)
    ends.push(start)
  }
  return { levels, scales: Float64Array.from(scales), bucket: Uint32Array.from(ends), divisor: 1 }
}

function toEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1
  return below % 2 === 0 ? below : below + 1
}
