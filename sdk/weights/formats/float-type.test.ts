import test from 'ava'
import { fromHalf } from './float-type.ts'

test('16-bit floats have the values of the standard', (t) => {
  const values: readonly (readonly [number, number])[] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3c00, 1],
    [0xc100, -2.5],
    [0x7bff, 65_504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ]
  for (const [bits, value] of values) t.is(fromHalf(bits), value, bits.toString(16))
})

test('they rise with their bits, and each is a float32', (t) => {
  for (let bits = 1; bits <= 0x7c00; bits++) {
    const value = fromHalf(bits)
    t.true(value > fromHalf(bits - 1) && Math.fround(value) === value && fromHalf(bits | 0x8000) === -value)
  }
})
