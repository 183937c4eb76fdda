import { deflateSync, Inflate, inflateSync } from 'fflate'
import type { FrameCodec } from './sealed-route.ts'

/** A few compressed bytes become at most a thousand times as many: 16 MB of this much, which are never kept. */
const stepBytes = 16 * 1024

/** Compresses frames by deflate, level 1. Of use for sparse or quantized weights, and for slow networks. */
export function deflateFrames(): FrameCodec {
  return {
    deflate: (bytes) => deflateSync(bytes, { level: 1 }),
    inflate(bytes, length) {
      // One byte more, which shows whether there are more.
      const whole = new Uint8Array(length + 1)
      const made = bytes.length <= stepBytes ? inflateSync(bytes, { out: whole }).length : inflateSteps(bytes, whole)
      if (made !== length) throw new RangeError(`it has another length than ${length}`)
      return whole.subarray(0, length)
    },
  }
}

/** Inflates step by step, and stops as soon as there are too many bytes. Returns their number. */
function inflateSteps(bytes: Uint8Array, into: Uint8Array): number {
  let made = 0
  const inflate = new Inflate((piece) => {
    if (made + piece.length <= into.length) into.set(piece, made)
    made += piece.length
  })
  for (let at = 0; at < bytes.length && made < into.length; at += stepBytes)
    inflate.push(bytes.subarray(at, at + stepBytes), at + stepBytes >= bytes.length)
  return made
}
