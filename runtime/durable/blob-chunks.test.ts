import test from 'ava'
import fc from 'fast-check'
import { rechunked } from './blob-chunks.ts'
import { all, joined, pattern } from './contract/store-under-test.ts'

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
