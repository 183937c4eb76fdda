import test from 'ava'
import fc from 'fast-check'
import { seal, unseal } from './database.ts'

const version = fc.maxSafeInteger().map(Math.abs)

test('what is sealed is unsealed as it was, in memory of its own', (t) => {
  fc.assert(
    fc.property(version, fc.uint8Array(), (number, bytes) => {
      const sealed = seal(number, bytes)
      const found = unseal('folder', sealed)
      sealed.fill(0)
      t.deepEqual(found, { version: number, bytes })
    }),
  )
})

test('any flipped bit, and any shortening, is found', (t) => {
  fc.assert(
    fc.property(version, fc.uint8Array({ maxLength: 40 }), fc.nat(), (number, bytes, at) => {
      const sealed = seal(number, bytes)
      const flipped = sealed.slice()
      const bit = at % (8 * sealed.length)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      t.throws(() => unseal('folder', flipped), { code: 'STORE_DAMAGED', message: /^folder is damaged/ })
      t.throws(() => unseal('folder', sealed.subarray(0, at % sealed.length)), { code: 'STORE_DAMAGED' })
    }),
    { numRuns: 300 },
  )
})
