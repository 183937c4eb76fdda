import test from 'ava'
import fc from 'fast-check'
import { differenceOf } from './difference.ts'

const plain = fc.anything({ withTypedArray: true, withBigInt: true })

test('a value does not differ from its clone', (t) => {
  fc.assert(fc.property(plain, (value) => t.is(differenceOf(value, structuredClone(value), 'state'), undefined)))
})

test('a difference is named with its place and both values', (t) => {
  const state = { round: 1, weights: Float32Array.of(1, 2), inner: { list: ['a', 'b'] } }
  const cases: readonly [unknown, string][] = [
    [{ ...state, round: 2 }, 'state.round was 1, then 2'],
    [{ ...state, inner: { list: ['a', 'c'] } }, 'state.inner.list.1 was b, then c'],
    [{ ...state, inner: { list: ['a'] } }, 'state.inner.list.1 was b, then undefined'],
    [{ ...state, extra: true }, 'state.extra was undefined, then true'],
    [{ ...state, weights: Float32Array.of(1, 2.5) }, 'state.weights differs from byte 6 on'],
    [{ ...state, weights: Float32Array.of(1) }, 'state.weights had 8 bytes, then 4'],
    [{ ...state, weights: new Int32Array(2) }, 'state.weights was a Float32Array, then a Int32Array'],
    [{ ...state, inner: [] }, 'state.inner was a Object, then a Array'],
    [null, 'state was [object Object], then null'],
  ]
  for (const [other, words] of cases) t.is(differenceOf(state, other, 'state'), words)
})

test('bits count: −0 is not 0, and NaN is NaN', (t) => {
  t.is(differenceOf({ loss: Number.NaN }, { loss: Number.NaN }, 'state'), undefined)
  t.truthy(differenceOf(Float32Array.of(0), Float32Array.of(-0), 'state'))
  t.truthy(differenceOf(0, -0, 'state'))
})

test('an array within a larger buffer is compared by its own bytes', (t) => {
  const buffer = Float32Array.of(9, 1, 2, 9)
  t.is(differenceOf(buffer.subarray(1, 3), Float32Array.of(1, 2), 'state'), undefined)
})
