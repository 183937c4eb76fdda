import test from 'ava'
import fc from 'fast-check'
import { decode, encode } from './codec.ts'

/** Without −0, which isn't kept. */
const number = fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger()).map((value) => (value === 0 ? 0 : value))
const name = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__proto__')

const typedArray = fc.oneof(
  fc.int8Array(),
  fc.uint8Array(),
  fc.uint8ClampedArray(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.bigUint64Array(),
)

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    number,
    fc.string({ unit: 'binary' }).filter((text) => !/\p{Surrogate}/u.test(text)),
    fc.constantFrom(null, undefined, true, false, Number.NaN, Number.POSITIVE_INFINITY),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    typedArray,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(name, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

test('what is encoded is decoded as it was, typed arrays with their kind', (t) => {
  fc.assert(
    fc.property(value, (given) => {
      t.deepEqual(decode(encode(given)), given)
    }),
    { numRuns: 500 },
  )
})

test('the same value gives the same bytes, whatever was encoded before and whichever parts it shares', (t) => {
  fc.assert(
    fc.property(value, value, (given, other) => {
      const first = encode({ a: given, b: given })
      encode(other)
      t.deepEqual(encode({ a: given, b: structuredClone(given) }), first)
      t.deepEqual(encode(decode(first)), first)
    }),
    { numRuns: 300 },
  )
})

test('floats in typed arrays keep every bit, those of NaN and −0 too', (t) => {
  fc.assert(
    fc.property(fc.uint32Array(), (bits) => {
      const given = new Float32Array(bits.buffer, bits.byteOffset, bits.length)
      const found = decode(encode({ weights: given }))
      const weights = typeof found === 'object' && found !== null && 'weights' in found ? found.weights : undefined
      t.true(weights instanceof Float32Array)
      if (weights instanceof Float32Array)
        t.deepEqual(new Uint32Array(weights.buffer, weights.byteOffset, weights.length), bits)
    }),
  )
  t.true(Object.is(decode(encode(-0)), 0))
})

test('a view into a larger buffer is encoded alone, and what is decoded is the caller’s own', (t) => {
  const whole = Float64Array.from([1, 2, 3, 4])
  const bytes = encode([whole.subarray(1, 3)])
  t.true(bytes.length < 32)
  const found = decode(bytes)
  bytes.fill(0)
  t.deepEqual(found, [Float64Array.from([2, 3])])
  t.not(encode('x').buffer, encode('x').buffer)
})

class Weights {
  readonly layers = 2
}

test('what cannot be stored is named with its place', (t) => {
  const cycle: { next?: unknown } = {}
  cycle.next = [cycle]
  const cases: readonly [unknown, string][] = [
    [{ a: [1, () => {}] }, 'value.a[1] is a function, which cannot be stored'],
    [{ a: Symbol('s') }, 'value.a is a symbol, which cannot be stored'],
    [[2n ** 63n], 'value[0] is a bigint of more than 64 bits, which cannot be stored'],
    [{ at: new Date(0) }, 'value.at is an instance of a class, which cannot be stored'],
    [new Weights(), 'value is an instance of a class, which cannot be stored'],
    [new Map(), 'value is an instance of a class, which cannot be stored'],
    [cycle, 'value.next[0] is a cycle, which cannot be stored'],
    [JSON.parse('{"a":{"__proto__":1}}'), 'value.a is an object with a field __proto__, which cannot be stored'],
  ]
  for (const [given, message] of cases) t.throws(() => encode(given), { code: 'STORE_VALUE', message })
})

test('bytes that are no value are refused with a code', (t) => {
  for (const bytes of [[], [0, 0], [0xdd, 0xff, 0xff, 0xff, 0xff], [0xd4, 0x70, 1], [0xc7, 1, 0x78, 0]])
    t.throws(() => decode(Uint8Array.from(bytes)), { code: 'STORE_BYTES' }, String(bytes))
})

test('bytes of the earlier codec, msgpackr, are read as they were meant', (t) => {
  const earlier = Buffer.from(
    'de0009a16101a162d40000a163d3fffffffffffffffba164c7097408000000000000f03fa165ceffffffffa166cb4270000000000000a16792c0c3a168c4020102a169de0001a16ada000161',
    'hex',
  )
  const [d, h] = [Float64Array.of(1), Uint8Array.of(1, 2)]
  const meant = { a: 1, b: undefined, c: -5n, d, e: 2 ** 32 - 1, f: 2 ** 40, g: [null, true], h, i: { j: 'a' } }
  t.deepEqual(decode(earlier), meant)
})
