import test from 'ava'
import * as fc from 'fast-check'
import { randomStream } from '../../random/random-stream.ts'
import { inMemoryExamples } from '../in-memory-examples.ts'
import { spread } from './spread.ts'

/** Examples whose one feature is their index, of ten labels. */
const labels = Uint8Array.from({ length: 5_000 }, (_, index) => (index * 7) % 10)
const examples = inMemoryExamples({
  features: Float32Array.from(labels.keys()),
  labels,
  shape: [1],
  columns: { ward: Uint8Array.from(labels, (_, index) => index % 3) },
})
const drawn = (scheme: string, clients = 50, seed = 1) =>
  spread({ examples, clients, scheme, random: randomStream(seed) })

type Drawn = ReturnType<typeof drawn>

async function labelsOf(data: Drawn, client: number): Promise<number[]> {
  const own = await data.client(client)
  return Array.from({ length: own.count }, (_, index) => own.label(index))
}

async function indicesOf(data: Drawn, client: number): Promise<Float32Array> {
  const own = await data.client(client)
  const features = new Float32Array(own.count)
  for (let index = 0; index < own.count; index++) own.read(index, features, index)
  return features
}

const schemes = ['draw:5', 'draw:20-600', 'draw:lognormal:40:1', 'draw:20-60:dirichlet:0.3', 'draw:7:labels:2']

test("a client's examples are the same however many clients there are, and whichever was asked for before", async (t) => {
  for (const scheme of schemes) {
    const few = drawn(scheme, 10)
    const many = drawn(scheme, 1_000_000)
    for (const client of [9, 0, 3]) {
      t.deepEqual(await indicesOf(many, client), await indicesOf(few, client), scheme)
      t.is(many.label?.(client), few.label?.(client))
    }
    t.notDeepEqual(await indicesOf(few, 1), await indicesOf(few, 2), scheme)
    t.notDeepEqual(await indicesOf(few, 1), await indicesOf(drawn(scheme, 10, 2), 1), scheme)
  }
})

test('the number of examples is known without reading them', async (t) => {
  for (const scheme of [...schemes, 'iid', 'shards', 'dirichlet:0.2']) {
    const data = drawn(scheme)
    for (let client = 0; client < 50; client++) t.is(data.samples(client), (await data.client(client)).count, scheme)
  }
})

test('numbers of examples lie in their range, and reach both of its ends', (t) => {
  const { samples } = drawn('draw:3-6', 400)
  const found = new Set(Array.from({ length: 400 }, (_, client) => samples(client)))
  t.deepEqual([...found].toSorted(), [3, 4, 5, 6])
})

test('log-normal numbers have the median and the spread of their setting', (t) => {
  const { samples } = drawn('draw:lognormal:200:0.5', 4_000)
  const logs = Array.from({ length: 4_000 }, (_, client) => Math.log(samples(client) / 200))
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length
  const deviation = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length)
  t.true(Math.abs(mean) < 0.03, `${mean}`)
  t.true(Math.abs(deviation - 0.5) < 0.03, `${deviation}`)
  const wide = drawn('draw:lognormal:10:4', 4_000)
  const sizes = Array.from({ length: 4_000 }, (_, client) => wide.samples(client))
  t.is(Math.min(...sizes), 1)
  t.is(Math.max(...sizes), 1_000)
})

test('draws are uniform, and a client may draw an example twice', async (t) => {
  const found = await indicesOf(drawn('draw:20000'), 0)
  t.true(new Set(found).size < 5_000)
  const mean = found.reduce((sum, index) => sum + index, 0) / found.length
  // Six standard deviations of the mean of uniform draws.
  t.true(Math.abs(mean - 2_499.5) < (6 * 5_000) / Math.sqrt(12 * 20_000), `${mean}`)
})

test('with labels:N a client has N labels', async (t) => {
  const data = drawn('draw:200:labels:3')
  const all = new Set<number>()
  for (let client = 0; client < 50; client++) {
    const own = new Set(await labelsOf(data, client))
    t.is(own.size, 3)
    t.true(own.has(data.label?.(client) ?? Number.NaN))
    for (const label of own) all.add(label)
  }
  t.is(all.size, 10)
})

test('with dirichlet:α a small α gives a client few labels, and the shares of all clients together are even', async (t) => {
  const shareOfLargest = async (scheme: string) => {
    const data = drawn(scheme)
    let total = 0
    for (let client = 0; client < 50; client++) {
      const own = await labelsOf(data, client)
      total += own.filter((label) => label === data.label?.(client)).length / own.length
    }
    return total / 50
  }
  t.true((await shareOfLargest('draw:300:dirichlet:0.02')) > 0.8)
  const even = await shareOfLargest('draw:300:dirichlet:1000')
  t.true(even > 0.09 && even < 0.13, `${even}`)

  const counts = new Uint32Array(10)
  const many = drawn('draw:50:dirichlet:0.5', 1_000)
  for (let client = 0; client < 1_000; client++)
    for (const label of await labelsOf(many, client)) counts[label] = (counts[label] ?? 0) + 1
  for (const count of counts) t.true(Math.abs(count / 50_000 - 0.1) < 0.03, `${counts}`)
})

test('the label of a client is the most frequent of its examples, where these are dealt', async (t) => {
  for (const scheme of ['iid', 'shards', 'dirichlet:0.2']) {
    const data = drawn(scheme)
    for (let client = 0; client < 50; client++) {
      const counts = new Uint32Array(10)
      for (const label of await labelsOf(data, client)) counts[label] = (counts[label] ?? 0) + 1
      t.is(data.label?.(client), counts.indexOf(Math.max(...counts)))
    }
  }
  t.is(drawn('draw:20').label, undefined)
})

test('a column of the examples names the keys', async (t) => {
  const data = spread({ examples, clients: 3, scheme: 'key', column: 'ward', random: randomStream(1) })
  for (let client = 0; client < 3; client++)
    t.true((await indicesOf(data, client)).every((index) => index % 3 === client))
  const unknown = () => spread({ examples, clients: 3, scheme: 'key', column: 'site', random: randomStream(1) })
  t.throws(unknown, { code: 'DATA_COLUMN', message: /no column 'site'; their columns: ward/ })
})

test('a draw that is written wrongly is refused, with what is wrong', (t) => {
  const faults: Record<string, RegExp> = {
    draw: /numbers of examples are missing/,
    'draw:': /'' is neither a number/,
    'draw:0': /at least 1/,
    'draw:-5': /'-5' is neither/,
    'draw:600-20': /600-20 ends below its beginning/,
    'draw:20-99999999999': /at most 10000000/,
    'draw:1.5': /'1.5' is neither/,
    'draw:lognormal': /median .* but is ''/,
    'draw:lognormal:0:1': /median .* but is '0'/,
    'draw:lognormal:100:-1': /σ .* but is '-1'/,
    'draw:lognormal:100:9': /σ .* but is '9'/,
    'draw:20:dirichlet': /α must be a number above 0, but is ''/,
    'draw:20:dirichlet:0': /α must be a number above 0/,
    'draw:20:labels:0': /labels must be an integer from 1/,
    'draw:20:labels:11': /can't have 11 labels, since the examples have 10/,
    'draw:20:shards': /'shards' is none of iid, dirichlet and labels/,
    'draw:20:iid:5': /iid takes no number/,
    'draw:20:dirichlet:1:2': /nothing may follow, but ':2' does/,
  }
  for (const [scheme, message] of Object.entries(faults))
    t.throws(() => drawn(scheme), { code: 'DATA_DRAW', message }, scheme)
  t.throws(() => drawn('drawn:20'), { code: 'DATA_SCHEME' })
  t.throws(() => drawn('draw:20', 0), { code: 'DATA_CLIENTS' })
})

test('a client that does not exist is refused', (t) => {
  for (const scheme of ['iid', 'draw:20', 'draw:20:dirichlet:1']) {
    const data = drawn(scheme)
    for (const client of [-1, 50, 0.5, Number.NaN]) {
      t.throws(() => data.samples(client), { code: 'DATA_CLIENT' }, scheme)
      t.throws(() => data.client(client), { code: 'DATA_CLIENT' }, scheme)
    }
  }
})

test('what a scheme may draw, a workload can draw from any set', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -2, max: 5 }), { minLength: 1, maxLength: 30 }),
      fc.constantFrom('draw:1-5', 'draw:4:dirichlet:0.01', 'draw:4:labels:1'),
      fc.integer(),
      fc.nat({ max: 1_000_000 }),
      (classes, scheme, seed, client) => {
        const set = inMemoryExamples({ features: Uint8Array.from(classes.keys()), labels: classes, shape: [1] })
        const data = spread({ examples: set, clients: 1_000_001, scheme, random: randomStream(seed) })
        const own = data.client(client)
        return !(own instanceof Promise) && own.count === data.samples(client)
      },
    ),
  )
  t.pass()
})
