import { normal } from '../../random/distributions.ts'
import type { RandomStream } from '../../random/random-stream.ts'
import type { Stage } from '../algorithm.ts'

/** Values plus normal draws of a standard deviation, in float64 before the rounding to float32. */
export function noisy(values: Float32Array, deviation: number, secret: RandomStream | undefined): Float32Array {
  if (deviation === 0) return values
  // Noise of a stream that follows from the job's published seed could be subtracted by anyone.
  if (!secret) throw new TypeError('noise needs a secret stream, and the role gave none')
  return values.map((value) => value + deviation * normal(secret))
}

/** Adds to each value of a client's delta a normal draw of the client's secret stream. */
export function noise(deviation: number): Stage {
  return {
    name: 'noise',
    secret: true,
    client: {
      apply: ({ vectors, ...contribution }, own, { secret }) => ({
        contribution: { ...contribution, vectors: { ...vectors, delta: noisy(vectors.delta, deviation, secret) } },
        own,
      }),
    },
  }
}
