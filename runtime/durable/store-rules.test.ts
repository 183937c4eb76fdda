import test from 'ava'
import fc from 'fast-check'
import { all, joined, pattern } from './contract/store-under-test.ts'
import { checkKeys, compareKeys, rechunked } from './store-rules.ts'

const text = fc.string({ unit: 'binary' })

test('keys are ordered as their UTF-8 bytes are', (t) => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      t.is(Math.sign(compareKeys(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    { numRuns: 500, examples: [['\uffff', '\u{10000}']] },
  )
})

test('a key has 1 to 500 bytes, however many characters that is, all of them printable', (t) => {
  t.notThrows(() => checkKeys('x'.repeat(500), '€'.repeat(166), '\u{1f600}'.repeat(125), ' '))
  for (const key of ['', 'x'.repeat(501), '€'.repeat(167), 'a\0', '\u001f', '\u0085', '\udc00a'])
    t.throws(() => checkKeys('good', key), { code: 'STORE_KEY' }, JSON.stringify(key))
})

const chunkBytes = 256 * 1024

test('any pieces become full chunks and a rest, of the same bytes', async (t) => {
  const lengths = fc.array(fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 3 * chunkBytes })), { maxLength: 5 })
  const property = fc.asyncProperty(lengths, async (some) => {
    const given = some.map(pattern)
    const chunks = await all(rechunked(given))
    t.true(chunks.slice(0, -1).every(({ length }) => length === chunkBytes))
    t.true(chunks.length === 0 || (chunks.at(-1)?.length ?? 0) > 0)
    t.is(Buffer.compare(joined(chunks), joined(given)), 0)
  })
  await fc.assert(property, { numRuns: 30 })
})

test('a source is consumed chunk by chunk, and not before it is asked for', async (t) => {
  let taken = 0
  function* source(): Generator<Uint8Array> {
    for (; taken < 100; ) {
      taken += 1
      yield pattern(chunkBytes / 2, taken)
    }
  }
  const chunks = rechunked(source())
  t.is(taken, 0)
  await chunks.next()
  t.is(taken, 2)
  await chunks.return(undefined)
  t.is(taken, 2)
})
