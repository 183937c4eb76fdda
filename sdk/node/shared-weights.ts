import { learnError } from '../learn/errors.ts'

/** Puts weights into memory that all workers read, so that a round's weights are copied once, not once a client. */
export function sharedWeights(size: number) {
  const rounds = new WeakMap<Float32Array, { round: number; buffer: SharedArrayBuffer }>()
  const once = (weights: Float32Array): SharedArrayBuffer => {
    if (weights.length !== size) {
      throw learnError('LEARN_WEIGHTS', { what: 'the weights', expected: size, came: weights.length })
    }
    const buffer = new SharedArrayBuffer(weights.byteLength)
    new Float32Array(buffer).set(weights)
    return buffer
  }
  return {
    once,
    /** The same memory for the same array in the same round. In another round the array may hold other values. */
    forRound(weights: Float32Array, round: number): SharedArrayBuffer {
      const known = rounds.get(weights)
      if (known?.round === round) return known.buffer
      const buffer = once(weights)
      rounds.set(weights, { round, buffer })
      return buffer
    },
  }
}
