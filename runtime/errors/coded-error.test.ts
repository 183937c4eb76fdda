import test from 'ava'
import fc from 'fast-check'
import { CodedError, decodePackedError, errorFactory, packError, unpackError } from './coded-error.ts'

const tested = errorFactory({ TEST_FAULT: { message: 'round {round} of {end} failed', hint: 'mend {end}' } })

/** An error as it arrives in another process. */
const travelled = (error: unknown) => {
  const packed = decodePackedError(structuredClone(packError(error)))
  return packed && unpackError(packed)
}

test('a coded error travels with code, message, hint, values and causes', (t) => {
  const given = tested('TEST_FAULT', { round: 3, end: 'trainer-1', late: true }, { cause: new RangeError('too far') })
  const came = travelled(given)
  t.true(came instanceof CodedError)
  t.like(came, { code: 'TEST_FAULT', message: given.message, hint: given.hint, stack: given.stack })
  t.like(came, { values: { round: 3, end: 'trainer-1', late: true } })
  t.like(came?.cause, { name: 'RangeError', message: 'too far' })
})

test('whatever is thrown can be packed', (t) => {
  t.is(travelled('a text')?.message, 'a text')
  t.is(travelled(undefined)?.message, 'undefined')
  t.is(travelled(Object.create(null))?.message, 'a value that has no text')
  t.is(travelled(Symbol('s'))?.message, 'Symbol(s)')
  t.like(travelled(tested('TEST_FAULT', { round: 1n, end: ['a'] })), { values: { round: '1', end: 'a' } })
})

test('texts, values and causes of an error are bounded', (t) => {
  const own = new Error('its own cause')
  own.cause = own
  let depth = 0
  for (
    let error = travelled(own);
    error instanceof Error;
    error = error.cause instanceof Error ? error.cause : undefined
  )
    depth += 1
  t.is(depth, 11)
  const values = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`v${index}`, 'x'.repeat(20_000)]))
  const packed = packError(tested('TEST_FAULT', { ...values, end: 'e'.repeat(1e6) }))
  t.is(packed.message.length, 10_000)
  t.is(Object.keys(packed.coded?.values ?? {}).length, 100)
  t.is(packed.coded?.values.v0, 'x'.repeat(10_000))
})

const hostile = fc.oneof(
  fc.anything({ withNullPrototype: true, maxDepth: 4 }),
  fc.record(
    {
      name: fc.oneof(fc.string(), fc.anything()),
      message: fc.oneof(fc.string(), fc.anything()),
      stack: fc.anything(),
      coded: fc.oneof(
        fc.record({ code: fc.string(), hint: fc.string(), values: fc.object({ maxDepth: 1 }) }),
        fc.anything(),
      ),
      cause: fc.oneof(fc.record({ name: fc.string(), message: fc.string() }), fc.anything()),
    },
    { requiredKeys: [] },
  ),
)

test('of anything that claims to be a packed error, either a sound one comes or none', (t) => {
  fc.assert(
    fc.property(hostile, (value) => {
      const packed = decodePackedError(value)
      if (!packed) return
      const error = unpackError(packed)
      t.is(typeof error.message, 'string')
      t.deepEqual(decodePackedError(packed), packed)
    }),
  )
  t.is(decodePackedError({ name: 'Error', message: 1 }), undefined)
  t.is(decodePackedError({ name: 'Error', message: '', coded: { code: 1, hint: '', values: {} } }), undefined)
  t.is(decodePackedError({ name: 'Error', message: '', cause: 'x' }), undefined)
  t.is(decodePackedError({ name: 'Error', message: '', coded: { code: '', hint: '', values: { a: {} } } }), undefined)
})
