import { createHash } from 'node:crypto'
import test from 'ava'
import { randomStream } from '../../random/random-stream.ts'
import { sizeOf } from '../../weights/layout.ts'
import type { Examples } from '../examples.ts'
import { leafClient, syntheticLeaf } from './leaf.ts'
import { syntheticRegression } from './regression.ts'
import type { SyntheticData, SyntheticRequest } from './synthetic.ts'
import { syntheticWriters } from './writers.ts'

const generators: Record<string, (request: SyntheticRequest) => SyntheticData> = {
  leaf: syntheticLeaf,
  regression: syntheticRegression,
  writers: syntheticWriters,
  'writers with favourite signs': (request) => syntheticWriters({ ...request, alpha: 0.2 }),
}
const request = (clients: number, seed = 1) => ({ clients, random: randomStream(seed) })

function rowsOf({ count, shape, read, label }: Examples) {
  const size = sizeOf(shape)
  return Array.from({ length: count }, (_, index) => {
    const x = new Float32Array(size)
    read(index, x, 0)
    return { x, y: label(index) }
  })
}

function moments(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) }
}

const near = (value: number, expected: number, tolerance: number) => Math.abs(value - expected) <= tolerance

for (const [name, generate] of Object.entries(generators)) {
  test(`${name}: a client's data depend on the seed and the client alone`, async (t) => {
    const [few, many] = [generate(request(8)), generate(request(1_000_000))]
    t.deepEqual(rowsOf(await many.client(7)), rowsOf(await few.client(7)))
    t.deepEqual(rowsOf(await few.client(7)), rowsOf(await few.client(7)))
    t.notDeepEqual(rowsOf(await few.client(7)), rowsOf(await few.client(6)))
    t.notDeepEqual(rowsOf(await few.client(7)), rowsOf(await generate(request(8, 2)).client(7)))
  })

  test(`${name}: the number of examples is known without them, and can be given`, async (t) => {
    const usual = generate(request(30))
    for (let client = 0; client < 10; client++) t.is(usual.samples(client), (await usual.client(client)).count)
    const given = generate({ ...request(30), samples: '3-5' })
    for (let client = 0; client < 30; client++) t.true([3, 4, 5].includes((await given.client(client)).count))
    t.throws(() => generate({ ...request(30), samples: '5-3' }), { code: 'DATA_SIZES' })
    t.throws(() => generate({ ...request(30), samples: '5:3' }), { code: 'DATA_SIZES' })
    t.throws(() => generate(request(0)), { code: 'DATA_CLIENTS' })
    t.throws(() => given.client(30), { code: 'DATA_CLIENT' })
    t.throws(() => given.samples(-1), { code: 'DATA_CLIENT' })
  })
}

test('the data of a seed stay the same, bit for bit', async (t) => {
  const hashes: Record<string, string> = {}
  for (const [name, generate] of Object.entries(generators)) {
    const digest = createHash('sha256')
    const data = generate({ ...request(200), samples: '20' })
    for (const examples of [await data.client(3), await data.client(199)])
      for (const { x, y } of rowsOf(examples)) digest.update(x).update(String(y))
    hashes[name] = digest.digest('hex').slice(0, 16)
  }
  t.deepEqual(hashes, {
    leaf: '50e88936bcb0256d',
    regression: 'da476d0cea998dff',
    writers: '15a23302c31163c3',
    'writers with favourite signs': '1c21c40bcc5ee798',
  })
})

test('LEAF: models and features of clients have the means and deviations of the formula', (t) => {
  const settings = { alpha: 2, beta: 0.5, features: 60, classes: 10 }
  const clients = Array.from({ length: 2_000 }, (_, client) => leafClient(randomStream(5, client), settings))
  const meanOf = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length
  // u_k has the deviation α, and the mean of 600 entries from N(u_k, 1) adds a variance of 1/600.
  const models = moments(clients.map(({ weights }) => meanOf(weights)))
  t.true(near(models.mean, 0, 0.25) && near(models.deviation, 2, 0.15), JSON.stringify(models))
  const centres = moments(clients.map(({ means }) => meanOf(means)))
  t.true(near(centres.deviation, Math.sqrt(0.25 + 1 / 60), 0.04), JSON.stringify(centres))
  const within = moments(clients.flatMap(({ means }) => [...means].map((value) => value - meanOf(means))))
  t.true(near(within.deviation, Math.sqrt(59 / 60), 0.02), JSON.stringify(within))
  // One u_k for W and b.
  const together = moments(clients.map(({ weights, biases }) => meanOf(biases) - meanOf(weights)))
  t.true(near(together.deviation, Math.sqrt(1 / 10 + 1 / 600), 0.03), JSON.stringify(together))
})

test('LEAF: feature j has the variance j^-1.2, and a label is the likeliest class of the client', async (t) => {
  const settings = { alpha: 1, beta: 1, features: 60, classes: 10 }
  const random = randomStream(3)
  // The seed of the clients' streams is the one number that the generator takes.
  const seed = randomStream(3).uniform() * 2 ** 53
  const rows = rowsOf(await syntheticLeaf({ clients: 5, random, samples: '4000', ...settings }).client(2))
  const { weights, biases, means } = leafClient(randomStream(seed, 'client', 2), settings)
  for (const feature of [0, 1, 9, 59]) {
    const { mean, deviation } = moments(rows.map(({ x }) => x[feature] ?? 0))
    const expected = (feature + 1) ** -0.6
    t.true(near(mean, means[feature] ?? 0, 0.08 * expected), `${feature} ${mean}`)
    t.true(near(deviation, expected, 0.05 * expected), `${feature} ${deviation}`)
  }
  for (const { x, y } of rows.slice(0, 200)) {
    const scores = Array.from(biases, (bias, row) =>
      x.reduce((sum, value, index) => sum + value * (weights[60 * row + index] ?? 0), bias),
    )
    t.is(y, scores.indexOf(Math.max(...scores)))
  }
})

test('LEAF: α changes no label, and a common model makes labels of different clients alike', async (t) => {
  const labelsOf = async (settings: { alpha?: number; common?: number }, client = 0) =>
    rowsOf(await syntheticLeaf({ ...request(10), samples: '200', ...settings }).client(client)).map(({ y }) => y)
  t.deepEqual(await labelsOf({ alpha: 0 }), await labelsOf({ alpha: 3 }))

  /** How often the common model of `far` says the label that a client of little more than this model has. */
  const agreement = async (common: number) => {
    const [own, far] = await Promise.all([labelsOf({ common }), labelsOf({ common: 1_000 })])
    return own.filter((label, index) => label === far[index]).length / own.length
  }
  t.true((await agreement(0)) < 0.5)
  t.true((await agreement(10)) > 0.7)
})

test('LEAF: numbers of examples are 50 and a log-normal number, as published', (t) => {
  const { samples } = syntheticLeaf(request(5_000))
  const sizes = Array.from({ length: 5_000 }, (_, client) => samples(client)).toSorted((a, b) => a - b)
  t.true((sizes[0] ?? 0) >= 50 && (sizes.at(-1) ?? 0) <= 10_000)
  // Quantiles of 50 + e^(4 + 2z) at z = −1, 0 and 1.
  for (const [share, z] of [
    [0.1587, -1],
    [0.5, 0],
    [0.8413, 1],
  ] as const)
    t.true(near(Math.log((sizes[Math.round(5_000 * share)] ?? 0) - 49.5), 4 + 2 * z, 0.15), `${share}`)
})

test('regression: the targets of a client are linear, with the noise, and its model drifts as the setting says', async (t) => {
  const exact = rowsOf(await syntheticRegression({ ...request(10), samples: '400', features: 3, noise: 0 }).client(4))
  const coefficients = leastSquares(exact)
  for (const { x, y } of exact) t.true(near(y, product(coefficients, x), 1e-5))
  const noisy = rowsOf(
    await syntheticRegression({ ...request(10), samples: '4000', features: 3, noise: 0.3 }).client(4),
  )
  const residuals = moments(noisy.map(({ x, y }) => y - product(coefficients, x)))
  t.true(near(residuals.deviation, 0.3, 0.02), JSON.stringify(residuals))

  const data = syntheticRegression({ ...request(400), samples: '60', features: 3, drift: 0.7, noise: 0 })
  const { test } = data
  const common = leastSquares(rowsOf(await (typeof test === 'function' ? test() : test)))
  const drifts: number[] = []
  for (let client = 0; client < 400; client++) {
    const own = leastSquares(rowsOf(await data.client(client)))
    drifts.push(...own.map((value, index) => value - (common[index] ?? 0)))
  }
  const { mean, deviation } = moments(drifts)
  t.true(near(mean, 0, 0.08) && near(deviation, 0.7, 0.05), `${mean} ${deviation}`)
})

test('writers: a class is one sign in many styles, and styles differ as the setting says', async (t) => {
  const pixelsOf = async (style: number, client: number) => {
    const rows = rowsOf(await syntheticWriters({ ...request(40), classes: 2, style, samples: '40' }).client(client))
    const mean = new Float64Array(28 * 28)
    const own = rows.filter(({ y }) => y === 0)
    for (const { x } of own)
      for (const [pixel, value] of x.entries()) mean[pixel] = (mean[pixel] ?? 0) + value / own.length
    return mean
  }
  const distance = (a: Float64Array, b: Float64Array) =>
    Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0))
  const [alike, other] = await Promise.all(
    [0, 1].map(async (style) => distance(await pixelsOf(style, 0), await pixelsOf(style, 1))),
  )
  t.true((alike ?? 0) < (other ?? 0) / 2, `${alike} ${other}`)
  for (const { x } of rowsOf(await syntheticWriters({ ...request(40), samples: '62' }).client(9))) {
    t.true(x.every((value) => value >= 0 && value <= 1))
    t.true(x.some((value) => value > 0.9))
  }
})

test("writers: with α the label is that of the largest share, and numbers of pictures are as FEMNIST's", async (t) => {
  const data = syntheticWriters({ ...request(2_000), alpha: 0.05, samples: '100' })
  let right = 0
  for (let client = 0; client < 20; client++) {
    const counts = new Uint32Array(62)
    for (const { y } of rowsOf(await data.client(client))) counts[y] = (counts[y] ?? 0) + 1
    right += Number(counts.indexOf(Math.max(...counts)) === data.label?.(client))
  }
  t.true(right >= 17, `${right}`)
  const { samples, label } = syntheticWriters(request(2_000))
  t.is(label, undefined)
  const { mean, deviation } = moments(Array.from({ length: 2_000 }, (_, client) => samples(client)))
  t.true(near(mean, 227, 8) && near(deviation, 89, 8), `${mean} ${deviation}`)
})

test('settings out of range are refused', (t) => {
  t.throws(() => syntheticLeaf({ ...request(3), alpha: -1 }), { code: 'DATA_SETTING', message: /alpha must be .* -1/ })
  t.throws(() => syntheticLeaf({ ...request(3), beta: Number.NaN }), { code: 'DATA_SETTING' })
  t.throws(() => syntheticLeaf({ ...request(3), classes: 1 }), { code: 'DATA_SETTING' })
  t.throws(() => syntheticRegression({ ...request(3), features: 0.5 }), { code: 'DATA_SETTING' })
  t.throws(() => syntheticWriters({ ...request(3), alpha: 0 }), { code: 'DATA_SETTING' })
})

/** Solves the normal equations by elimination. */
function leastSquares(rows: readonly { readonly x: Float32Array; readonly y: number }[]): number[] {
  const size = rows[0]?.x.length ?? 0
  const system = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size + 1 }, (__, j) =>
      rows.reduce((sum, { x, y }) => sum + (x[i] ?? 0) * (j < size ? (x[j] ?? 0) : y), 0),
    ),
  )
  for (const [pivot, row] of system.entries())
    for (const [index, other] of system.entries()) {
      const factor = (other[pivot] ?? 0) / (row[pivot] ?? 1)
      if (index !== pivot) for (let j = 0; j <= size; j++) other[j] = (other[j] ?? 0) - factor * (row[j] ?? 0)
    }
  return system.map((row, index) => (row[size] ?? 0) / (row[index] ?? 1))
}

function product(coefficients: readonly number[], x: Float32Array): number {
  return coefficients.reduce((sum, value, index) => sum + value * (x[index] ?? 0), 0)
}
