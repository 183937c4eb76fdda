import { createHash } from 'node:crypto'
import test from 'ava'
import * as fc from 'fast-check'
import { dirichlet } from '../../random/distributions.ts'
import { type RandomStream, randomStream } from '../../random/random-stream.ts'
import { byKey, partsByKey } from './by-key.ts'
import { partition } from './partition.ts'

const schemes = ['iid', 'shards', 'dirichlet:0.01', 'dirichlet:0.5', 'dirichlet:100']
const labels = Uint8Array.from({ length: 6_000 }, (_, index) => (index * 7) % 10)
const request = (scheme: string, seed = 1, clients = 30) => ({ labels, clients, scheme, random: randomStream(seed) })

function classesOf(part: Uint32Array): number {
  return new Set(Array.from(part, (index) => labels[index])).size
}

test('every example belongs to exactly one client, and every client has one', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 2, maxLength: 200 }),
      fc.constantFrom(...schemes),
      fc.integer(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (classes, scheme, seed, share) => {
        const most = scheme === 'shards' ? Math.floor(classes.length / 2) : classes.length
        const clients = 1 + Math.floor(share * (most - 1))
        const parts = partition({ labels: classes, clients, scheme, random: randomStream(seed) })
        const all = parts.flatMap((part) => [...part]).toSorted((a, b) => a - b)
        return (
          parts.length === clients &&
          parts.every((part) => part.length > 0) &&
          all.length === classes.length &&
          all.every((index, place) => index === place)
        )
      },
    ),
  )
  t.pass()
})

test('the same stream gives the same parts, and another one others', (t) => {
  for (const scheme of schemes) {
    t.deepEqual(partition(request(scheme, 7)), partition(request(scheme, 7)))
    t.notDeepEqual(partition(request(scheme, 7)), partition(request(scheme, 8)))
  }
})

test('iid parts are equal and see every class', (t) => {
  const parts = partition(request('iid'))
  t.true(parts.every((part) => part.length === 200 && classesOf(part) === 10))
  const uneven = partition(request('iid', 1, 7)).map((part) => part.length)
  t.is(Math.max(...uneven) - Math.min(...uneven), 1)
})

test('shards give each client at most a few classes', (t) => {
  const parts = partition(request('shards'))
  t.true(parts.every((part) => part.length === 200 && classesOf(part) <= 4))
  t.true(parts.filter((part) => classesOf(part) <= 2).length > parts.length / 2)
})

test('a smaller α gives clients fewer classes', (t) => {
  const classes = (scheme: string) => partition(request(scheme)).reduce((sum, part) => sum + classesOf(part), 0)
  t.true(classes('dirichlet:0.05') < classes('dirichlet:0.5'))
  t.true(classes('dirichlet:0.5') < classes('dirichlet:100'))
})

test('a scheme that does not exist is refused', (t) => {
  for (const scheme of [
    '',
    'IID',
    'dirichlet',
    'dirichlet:',
    'dirichlet:0',
    'dirichlet:-1',
    'dirichlet:x',
    'dirichlet:1e999',
  ]) {
    t.throws(() => partition(request(scheme)), { code: 'DATA_SCHEME' }, scheme)
  }
})

test('fewer examples than the clients need, or an impossible number of clients, are refused', (t) => {
  t.throws(() => partition(request('iid', 1, 6_001)), {
    code: 'DATA_TOO_FEW',
    message: "partition 'iid' needs 6001 examples for 6001 clients, but has 6000 examples",
  })
  t.throws(() => partition({ ...request('iid', 1, 1), labels: [] }), { message: /needs 1 example for 1 client,/ })
  t.throws(() => partition(request('shards', 1, 3_001)), { code: 'DATA_TOO_FEW' })
  t.throws(() => partition(request('iid', 1, 0)), { code: 'DATA_CLIENTS' })
  t.throws(() => partition(request('iid', 1, 1.5)), { code: 'DATA_CLIENTS' })
})

test('a client may have hundreds of thousands of examples, of one class too', (t) => {
  const count = 500_000
  for (const scheme of ['dirichlet:0.5', 'shards', 'iid']) {
    const many = Uint8Array.from({ length: count }, (_, index) => index % 2)
    const parts = partition({ labels: many, clients: 2, scheme, random: randomStream(1) })
    t.is(new Set(parts.flatMap((part) => [...part])).size, count, scheme)
  }
})

test('the parts of a seed stay the same, bit for bit', (t) => {
  const expected = {
    iid: '7f530222dcdb188e',
    shards: '838091f58f7df1ed',
    'dirichlet:0.05': '9fa800a71ce14115',
    'dirichlet:0.5': '15a677a2c0196a0f',
  }
  for (const [scheme, hash] of Object.entries(expected)) {
    const digest = createHash('sha256')
    for (const part of partition(request(scheme, 1, 3_000))) digest.update(`${part.length}:`).update(part)
    t.is(digest.digest('hex').slice(0, 16), hash, scheme)
  }
})

/** As the documentation says it, in arrays: each empty part gets the last example of the then largest. */
function evened(parts: number[][]): number[][] {
  for (const part of parts) {
    if (part.length > 0) continue
    const largest = parts.reduce((most, candidate) => (candidate.length > most.length ? candidate : most), part)
    part.push(largest.pop() ?? 0)
  }
  return parts
}

/** `dirichlet:α` in arrays of arrays. */
function plainDirichlet(classes: readonly number[], clients: number, alpha: number, random: RandomStream): number[][] {
  const parts = Array.from({ length: clients }, (): number[] => [])
  for (const label of [...new Set(classes)].toSorted((a, b) => a - b)) {
    const members = classes.flatMap((other, index) => (other === label ? [index] : []))
    const shuffled = [...random.shuffle(Uint32Array.from(members))]
    const shares = dirichlet(random, alpha, clients)
    let sum = 0
    let start = 0
    for (const [client, part] of parts.entries()) {
      sum += shares[client] ?? 0
      const end =
        client === clients - 1 ? shuffled.length : Math.min(shuffled.length, Math.round(sum * shuffled.length))
      part.push(...shuffled.slice(start, end))
      start = end
    }
  }
  return evened(parts)
}

test('dirichlet parts are those of the plain algorithm, with many clients left empty at first', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 150 }),
      fc.constantFrom(0.01, 0.3, 10),
      fc.integer(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (classes, alpha, seed, share) => {
        const clients = 1 + Math.floor(share * (classes.length - 1))
        const request = { labels: classes, clients, scheme: `dirichlet:${alpha}` }
        const parts = partition({ ...request, random: randomStream(seed) })
        t.deepEqual(
          parts.map((part) => [...part]),
          plainDirichlet(classes, clients, alpha, randomStream(seed)),
        )
      },
    ),
  )
})

/** `byKey` by its description, in arrays of arrays. */
function plainByKey(keys: readonly (string | number)[], clients: number): number[][] {
  const isBefore = (a: string | number, b: string | number) => (typeof a === typeof b ? a < b : typeof a === 'number')
  const compare = (a: string | number, b: string | number) => (isBefore(a, b) ? -1 : Number(a !== b))
  const groups = [...new Set(keys)].toSorted(compare).map((key) => ({
    key,
    members: keys.flatMap((other, index) => (other === key ? [index] : [])),
  }))
  const parts = Array.from({ length: clients }, (): (typeof groups)[number][] => [])
  const sizeOf = (part: typeof groups) => part.reduce((sum, { members }) => sum + members.length, 0)
  for (const group of groups.toSorted((a, b) => b.members.length - a.members.length)) {
    parts.reduce((least, part) => (sizeOf(part) < sizeOf(least) ? part : least)).push(group)
  }
  return parts
    .map((part) => part.toSorted((a, b) => compare(a.key, b.key)))
    .toSorted(([a], [b]) => (a && b ? compare(a.key, b.key) : 0))
    .map((part) => part.flatMap(({ members }) => members))
}

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

test('parts by key are those of the plain algorithm', (t) => {
  fc.assert(
    fc.property(requests, ({ keys, clients }) => {
      t.deepEqual(
        byKey({ keys, clients }).map((part) => [...part]),
        plainByKey(keys, clients),
      )
    }),
  )
})

test('a hundred thousand keys and clients take a moment, and no array each', (t) => {
  const keys = Uint32Array.from({ length: 300_000 }, (_, index) => (index * 7919) % 100_000)
  for (const clients of [100_000, 30_000]) {
    const parts = partsByKey({ keys, clients })
    const all = new Uint8Array(keys.length)
    let views = 0
    for (let client = 0; client < clients; client++) {
      const part = parts.of(client)
      if (part.buffer === parts.of(0).buffer) views += 1
      for (const index of part) all[index] = 1
    }
    t.is(views, clients)
    t.false(all.includes(0))
  }
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
