import type { LocalTerms } from '../../learn/learner.ts'
import type { PoolTrainingRequest } from '../training-pool.ts'

/** Puts an array into memory that all threads read. */
type Share = (values: Float32Array) => SharedArrayBuffer

/** Puts arrays into memory that all workers read, so that those of a round are copied once, not once a client. */
export function sharedArrays() {
  const rounds = new WeakMap<Float32Array, { round: number; buffer: SharedArrayBuffer }>()
  const once: Share = (values) => {
    const buffer = new SharedArrayBuffer(values.byteLength)
    new Float32Array(buffer).set(values)
    return buffer
  }
  return {
    once,
    /** The same memory for the same array in the same round. In another round the array may hold other values. */
    forRound(values: Float32Array, round: number): SharedArrayBuffer {
      const known = rounds.get(values)
      if (known?.round === round) return known.buffer
      const buffer = once(values)
      rounds.set(values, { round, buffer })
      return buffer
    },
  }
}

/** A training as a worker is asked for it. */
export type SharedTraining = Omit<PoolTrainingRequest, 'signal'>

/** The request with its arrays of weights and terms in memory that all threads read. */
export function sharedTraining(asked: PoolTrainingRequest, share: Share): SharedTraining {
  const { signal: _, ...request } = asked
  const { weights, start, centre, base, terms } = request
  return {
    ...request,
    weights: shared(weights, share),
    ...(start && { start: shared(start, share) }),
    ...(centre && { centre: shared(centre, share) }),
    ...(base && { base: shared(base, share) }),
    terms: sharedTerms(terms, share),
  }
}

function sharedTerms({ dynamic, correction, ...numbers }: LocalTerms, share: Share): LocalTerms {
  return {
    ...numbers,
    ...(dynamic && {
      dynamic: { ...dynamic, ...(dynamic.gradient && { gradient: shared(dynamic.gradient, share) }) },
    }),
    ...(correction && { correction: shared(correction, share) }),
  }
}

export function shared(values: Float32Array, share: Share): Float32Array {
  return values.buffer instanceof SharedArrayBuffer ? values : new Float32Array(share(values))
}
