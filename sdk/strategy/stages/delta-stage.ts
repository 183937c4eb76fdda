import type { RandomStream } from '../../random/random-stream.ts'
import { type Levels, valuesOf } from '../../sum/packed-vector.ts'
import type { Layout } from '../../weights/layout.ts'
import type { Stage, WholeContribution } from '../algorithm.ts'

/** Changes a delta. Leaves the given array as it is. */
export type DeltaChange = (delta: Float32Array, random: RandomStream) => Float32Array

/** Changes a delta to one that takes fewer bytes: with many zeros, or in levels. `layout` is the delta's. */
export type Compression = (delta: Float32Array, random: RandomStream, layout: Layout) => Float32Array | Levels

/** A stage that changes each client's delta, and keeps no state. */
export function deltaStage(name: string, change: DeltaChange): Stage {
  return {
    name,
    client: {
      apply: (contribution, own, { random }) => ({
        contribution: withDelta(contribution, change(contribution.vectors.delta, random)),
        own,
      }),
    },
  }
}

function withDelta(contribution: WholeContribution, delta: Float32Array): WholeContribution {
  return { ...contribution, vectors: { ...contribution.vectors, delta } }
}

/** A delta after a compression. */
function compressed(
  delta: Float32Array,
  compression: Compression,
  { random, layout }: { readonly random: RandomStream; readonly layout: Layout },
) {
  const made = compression(delta, random, layout)
  return made instanceof Float32Array ? { delta: made } : { delta: valuesOf(made), levels: made }
}

/** The part of all earlier deltas that was not sent. */
interface Residual {
  readonly error: Float32Array
}

/**
 * A stage that compresses each client's delta, and adds to the next delta the part that was lost: sends C(Δ + e), and
 * e ← Δ + e − C(Δ + e). So the sent deltas and e sum to the deltas.
 *
 * @see Karimireddy et al., Error Feedback Fixes SignSGD and other Gradient Compression Schemes, ICML 2019, algorithm 2.
 */
function feedbackStage(name: string, compression: Compression): Stage<Residual> {
  return {
    name,
    compresses: true,
    client: {
      init: ({ size }) => ({ error: new Float32Array(size) }),
      apply(contribution, residual, given) {
        const whole = contribution.vectors.delta.map((value, i) => value + residual.error[i]!)
        const { delta, ...form } = compressed(whole, compression, given)
        const error = whole.map((value, i) => value - delta[i]!)
        return { contribution: withDelta(contribution, delta), own: { error }, ...form }
      },
    },
  }
}

/** A stage that compresses each client's delta, with or without error feedback. */
export function compressing(name: string, feedback: 'on' | 'off', compression: Compression): Stage<Residual> | Stage {
  return feedback === 'on' ? feedbackStage(name, compression) : plainStage(name, compression)
}

function plainStage(name: string, compression: Compression): Stage {
  return {
    name,
    compresses: true,
    client: {
      apply(contribution, own, given) {
        const { delta, ...form } = compressed(contribution.vectors.delta, compression, given)
        return { contribution: withDelta(contribution, delta), own, ...form }
      },
    },
  }
}
