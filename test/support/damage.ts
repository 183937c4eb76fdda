import * as fc from 'fast-check'
import { CodedError } from '../../runtime/index.ts'

/** The bytes, cut short at a random length. */
export function cut(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  return fc.nat(bytes.length - 1).map((length) => bytes.slice(0, length))
}

/** The bytes with one to three changes, mostly near the beginning, where headers are. */
export function flipped(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const index = fc.oneof(fc.nat(Math.min(bytes.length, 128) - 1), fc.nat(bytes.length - 1))
  const change = fc.tuple(index, fc.integer({ min: 1, max: 255 }))
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const damaged = new Uint8Array(bytes)
    for (const [at, mask] of changes) damaged[at] = (damaged[at] ?? 0) ^ mask
    return damaged
  })
}

/** The code of the coded error that the work throws; undefined if the work succeeds. Other errors are thrown on. */
export function codeOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof CodedError) return error.code
    throw error
  }
}
