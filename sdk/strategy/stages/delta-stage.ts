import type { RandomStream } from '../../random/random-stream.ts'
import type { Stage } from '../algorithm.ts'

/** Changes a delta, such as by encoding and decoding it. Leaves the given array as it is. */
export type DeltaChange = (delta: Float32Array, random: RandomStream) => Float32Array

/** A stage that changes each client's delta, and keeps no state. */
export function deltaStage(name: string, change: DeltaChange): Stage {
  return {
    name,
    client: {
      apply: (contribution, own, { random }) => ({
        contribution: {
          ...contribution,
          vectors: { ...contribution.vectors, delta: change(contribution.vectors.delta, random) },
        },
        own,
      }),
    },
  }
}

/** The part of all earlier deltas that was not sent. */
interface Residual {
  readonly error: Float32Array
}

/**
 * A stage that changes each client's delta, and adds to the next delta the part that the change lost: sends
 * change(Δ + e), and e ← Δ + e − change(Δ + e). So the sent deltas and e sum to the deltas.
 *
 * @see Karimireddy et al., Error Feedback Fixes SignSGD and other Gradient Compression Schemes, ICML 2019, algorithm 2.
 */
export function feedbackStage(name: string, change: DeltaChange): Stage<Residual> {
  return {
    name,
    client: {
      init: ({ size }) => ({ error: new Float32Array(size) }),
      apply(contribution, { error }, { random }) {
        const whole = contribution.vectors.delta.map((value, i) => value + error[i]!)
        const sent = change(whole, random)
        return {
          contribution: { ...contribution, vectors: { ...contribution.vectors, delta: sent } },
          own: { error: whole.map((value, i) => value - sent[i]!) },
        }
      },
    },
  }
}

/** A stage with or without error feedback. */
export function compressing(name: string, feedback: 'on' | 'off', change: DeltaChange): Stage<Residual> | Stage {
  return feedback === 'on' ? feedbackStage(name, change) : deltaStage(name, change)
}
