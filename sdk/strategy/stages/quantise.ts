import type { RandomStream } from '../../random/random-stream.ts'
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
 * QSGD, encoded and decoded: of each bucket, ‖x‖·sign(x)·level/s, where the level of a value is s·|x|/‖x‖, rounded
 * down or, with the probability of the remainder, up.
 */
export function quantised(values: Float32Array, choices: QsgdChoices, random: RandomStream): Float32Array {
  const { levels, bucket, rounding } = choices
  const decoded = new Float32Array(values.length)
  for (let start = 0; start < values.length; start += bucket) {
    const part = values.subarray(start, start + bucket)
    const length =
      choices.norm === 'max' ? part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) : norm(part)
    for (let i = 0; i < part.length; i++) {
      const exact = length === 0 ? 0 : (levels * Math.abs(part[i]!)) / length
      const below = Math.floor(exact)
      const level =
        rounding === 'down' ? Math.min(below, levels - 1) : below + (random.uniform() < exact - below ? 1 : 0)
      decoded[start + i] = length * Math.sign(part[i]!) * (level / levels)
    }
  }
  return decoded
}

/** (‖x‖₁/N)·sign(x) */
export function scaledSigns(values: Float32Array): Float32Array {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]!)
  const scale = values.length === 0 ? 0 : sum / values.length
  return values.map((value) => scale * Math.sign(value))
}

/** Rounded to the nearest of 2^b − 1 even steps between −max|x| and max|x|, half-way to even. */
export function evenSteps(values: Float32Array, bits: number): Float32Array {
  const most = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const scale = most / (2 ** (bits - 1) - 1)
  return scale === 0 ? values : values.map((value) => scale * toEven(value / scale))
}

function toEven(value: number): number {
  const below = Math.floor(value)
  const rest = value - below
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1
  return below % 2 === 0 ? below : below + 1
}
