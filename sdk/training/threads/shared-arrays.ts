/** Puts arrays into memory that all workers read, so that those of a round are copied once, not once a client. */
export function sharedArrays() {
  const rounds = new WeakMap<Float32Array, { round: number; buffer: SharedArrayBuffer }>()
  const once = (values: Float32Array): SharedArrayBuffer => {
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
