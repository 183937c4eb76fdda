import test from 'ava'
import * as fc from 'fast-check'
import { randomStream } from '../random/random-stream.ts'
import { byKey } from './by-key.ts'
import { partition } from './partition.ts'

const keys = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom('a', 'b', 'Ä', '1')), { minLength: 1 })
const requests = keys.chain((keys) =>
  fc.record({ keys: fc.constant(keys), clients: fc.integer({ min: 1, max: new Set(keys).size }) }),
)

test('every example belongs to exactly one client, and examples of one key to the same', (t) => {
  fc.assert(
    fc.property(requests, ({ keys, clients }) => {
      const parts = byKey({ keys, clients })
      const owner = new Map<string | number, number>()
      parts.forEach((part, client) => {
        for (const index of part) owner.set(keys[index] ?? '', client)
      })
      const all = parts.flatMap((part) => [...part])
      return (
        parts.length === clients &&
        parts.every(
          (part, client) => part.length > 0 && part.every((index) => owner.get(keys[index] ?? '') === client),
        ) &&
        all.toSorted((a, b) => a - b).every((index, place) => index === place) &&
        all.length === keys.length
      )
    }),
  )
  t.pass()
})

test('the order in which examples come does not change which keys are together', (t) => {
  const keysOf = (keys: readonly (string | number)[], clients: number) =>
    byKey({ keys, clients }).map((part) => [...new Set(Array.from(part, (index) => keys[index]))])
  fc.assert(
    fc.property(
      requests.chain(({ keys, clients }) =>
        fc.tuple(fc.constant(keys), fc.shuffledSubarray(keys, { minLength: keys.length }), fc.constant(clients)),
      ),
      ([keys, shuffled, clients]) => {
        t.deepEqual(keysOf(shuffled, clients), keysOf(keys, clients))
      },
    ),
  )
})

test('as many clients as keys: each client has one key, in order', (t) => {
  const parts = byKey({ keys: ['b', 10, 'a', 2, 'b', 'b'], clients: 4 })
  t.deepEqual(parts, [Uint32Array.of(3), Uint32Array.of(1), Uint32Array.of(2), Uint32Array.of(0, 4, 5)])
})

test('fewer clients than keys share the examples evenly', (t) => {
  const keys = [1, 2, 2, 3, 3, 4, 5].flatMap((count, key) => Array.from({ length: count }, () => key))
  t.deepEqual(
    byKey({ keys, clients: 4 }).map((part) => part.length),
    [5, 5, 5, 5],
  )
})

test('the scheme key takes the keys of the request, one for each example', (t) => {
  const request = { labels: [0, 1, 0], clients: 2, scheme: 'key', random: randomStream(1) }
  t.deepEqual(partition({ ...request, keys: ['x', 'y', 'x'] }), [Uint32Array.of(0, 2), Uint32Array.of(1)])
  t.throws(() => partition({ ...request, keys: ['x', 'y'] }), { code: 'DATA_KEYS' })
  t.throws(() => partition(request), { code: 'DATA_KEYS' })
})

test('fewer keys than clients, or an impossible number of clients, are refused', (t) => {
  const error = t.throws(() => byKey({ keys: ['x', 'x', 'y'], clients: 3 }), { code: 'DATA_TOO_FEW' })
  t.is(error?.message, "partition 'key' needs 3 keys for 3 clients, but has 2 keys")
  t.throws(() => byKey({ keys: ['x'], clients: 0 }), { code: 'DATA_CLIENTS' })
  t.throws(() => byKey({ keys: ['x'], clients: Number.NaN }), { code: 'DATA_CLIENTS' })
})
