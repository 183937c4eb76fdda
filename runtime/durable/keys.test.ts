import test from 'ava'
import fc from 'fast-check'
import { checkKeys, compareKeys } from './keys.ts'

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
