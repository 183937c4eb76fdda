import test from 'ava'
import fc from 'fast-check'
import { randomStream } from '../../random/random-stream.ts'
import { LeastKeys } from './least-keys.ts'
import { knownRows, numberAtRank, numberOfKnown, rowsByNumber } from './ranks.ts'

const number = fc.oneof(
  fc.constantFrom(0, 1, 1.0000001, Number.NaN, Infinity),
  fc.float({ min: 0, noNaN: true }),
  fc.integer({ min: 0, max: 3 }),
)
const columns = fc.array(number, { maxLength: 40 }).map((all) => Float32Array.from(all))

test('the number of a rank is that of a sorted list, and NaN has no rank', (t) => {
  fc.assert(
    fc.property(columns, (numbers) => {
      const sorted = [...numbers].filter((each) => !Number.isNaN(each)).toSorted((a, b) => a - b)
      t.is(numberOfKnown(numbers), sorted.length)
      for (const [rank, each] of sorted.entries()) t.is(numberAtRank(numbers, rank), each)
      t.is(numberAtRank(numbers, sorted.length), Number.NaN)
      t.is(numberAtRank(numbers, -1), Number.NaN)
    }),
  )
})

test('known rows are those whose numbers are not NaN', (t) => {
  fc.assert(
    fc.property(columns, (numbers) => {
      const expected = [...numbers.keys()].filter((row) => !Number.isNaN(numbers[row]))
      t.deepEqual([...knownRows(numbers)], expected)
    }),
  )
  const negativeNan = new Float32Array(Uint32Array.of(0xffc00000, 0x3f800000).buffer)
  t.deepEqual([...knownRows(negativeNan)], [1])
})

test('many rows are sorted by their numbers as few are, equal ones in their order', (t) => {
  for (const size of [100, 10_000]) {
    const random = randomStream(size)
    const numbers = Float32Array.from({ length: size }, () =>
      random.below(4) === 0 ? random.below(5) : random.uniform(),
    )
    const rows = knownRows(numbers).filter((row) => row % 3 > 0)
    const expected = [...rows].toSorted((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0) || a - b)
    t.deepEqual([...rowsByNumber(rows, numbers)], expected)
  }
})

test('the least keys are kept, of equal ones the first', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), fc.integer({ min: 1, max: 12 }), (keys, most) => {
      const least = new LeastKeys(most)
      for (const [member, key] of keys.entries()) {
        least.offer(member, key)
        const sorted = keys.slice(0, member + 1).toSorted((a, b) => a - b)
        t.is(least.greatest, sorted.slice(0, most).at(-1) ?? Number.NaN)
        t.is(least.isFull, sorted.length >= most)
      }
      const members = [...least.members()]
      t.deepEqual(
        members.map((member) => keys[member] ?? 0).toSorted((a, b) => a - b),
        keys.toSorted((a, b) => a - b).slice(0, most),
      )
    }),
  )
})
