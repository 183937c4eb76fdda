import test from 'ava'
import * as fc from 'fast-check'
import { collectExamples, type Example } from './collector.ts'
import { subset } from './in-memory-examples.ts'

async function* stream(examples: Iterable<Example>) {
  yield* examples
}

test('what an iterable gives is read again, asynchronous or not', async (t) => {
  const row = fc.record({ features: fc.float32Array({ minLength: 3, maxLength: 3 }), label: fc.nat() })
  await fc.assert(
    fc.asyncProperty(fc.array(row), fc.boolean(), async (rows, asynchronous) => {
      const examples = await collectExamples(asynchronous ? stream(rows) : rows, { shape: [3], nonFinite: 'keep' })
      t.is(examples.count, rows.length)
      rows.forEach(({ features, label }, index) => {
        const out = new Float32Array(3)
        examples.read(index, out, 0)
        t.deepEqual(out, features)
        t.is(examples.label(index), label)
      })
    }),
  )
})

test('bytes stay bytes, and read as 0 to 1 unless a divisor says otherwise', async (t) => {
  const rows = [{ features: Uint8Array.of(0, 255), label: 1 }]
  const out = new Float32Array(2)
  const scaled = await collectExamples(rows, { shape: [2] })
  scaled.read(0, out, 0)
  t.deepEqual([...out], [0, 1])
  const plain = await collectExamples(rows, { shape: [2], divisor: 1 })
  plain.read(0, out, 0)
  t.deepEqual([...out], [0, 255])
})

test('the stream is stopped at the example that goes beyond the bound', async (t) => {
  let given = 0
  let closed = false
  async function* endless() {
    try {
      for (;;) yield { features: Uint8Array.of(++given), label: 0 }
    } finally {
      closed = true
    }
  }
  // Each example takes one byte for the feature and eight for the label.
  const error = await t.throwsAsync(collectExamples(endless(), { shape: [1], maxBytes: 3_000_000, source: 'camera' }), {
    code: 'DATA_STREAM_BOUND',
  })
  t.is(given, 333_334)
  t.true(closed)
  t.regex(error?.message ?? '', /of camera take more than 3000000 bytes in memory: example 333333/)
})

test('an example of another size or kind is refused with its place', async (t) => {
  const first = { features: Uint8Array.of(1, 2), label: 0 }
  for (const features of [Uint8Array.of(1), [1, 2], Uint8Array.of(1, 2, 3)]) {
    const wrong = stream([first, { features, label: 0 }])
    const error = await t.throwsAsync(collectExamples(wrong, { shape: [2] }), { code: 'DATA_STREAM_ROW' })
    t.regex(error?.message ?? '', /^example 1 of the stream must have 2 features in a Uint8Array/)
  }
})

test('values that are not finite are refused with their example and place, or kept when asked', async (t) => {
  const rows = (value: number, label = 0) => [
    { features: [1, 2, 3, 4, 5, 6], label },
    { features: [1, 2, 3, 4, value, 6], label },
  ]
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e39]) {
    await t.throwsAsync(collectExamples(rows(value), { shape: [2, 3], source: 'the table' }), {
      code: 'DATA_VALUE',
      message: `feature [1,1] of example 1 of the table is ${value}, which is no finite float32`,
    })
    t.is((await collectExamples(rows(value), { shape: [2, 3], nonFinite: 'keep' })).count, 2)
  }
  await t.throwsAsync(collectExamples(rows(1, Number.NaN), { shape: [6], nonFinite: 'keep' }), {
    code: 'DATA_VALUE',
    message: /^the label of example 0 of the stream is NaN/,
  })
  await t.throwsAsync(collectExamples([], { shape: [6], maxBytes: Number.NaN }), { code: 'DATA_SETTING' })
})

test('targets of several numbers are read again, with a label beside them or without', async (t) => {
  const rows = [
    { features: [1], target: [0.5, -2, 0, 1] },
    { features: [2], target: [3, 4, 5, 6] },
  ]
  const settings = { shape: [1], targetShape: [2, 2] }
  const examples = await collectExamples(rows, settings)
  const out = new Float32Array(5)
  examples.targets?.read(1, out, 1)
  t.deepEqual([...out], [0, 3, 4, 5, 6])
  t.deepEqual(examples.targets?.shape, [2, 2])
  t.is(examples.label(0), 0.5)
  t.true(examples.unlabelled)
  t.true(subset(examples, Uint32Array.of(1)).unlabelled)
  const labelled = await collectExamples(
    rows.map((row) => ({ ...row, label: 7 })),
    settings,
  )
  t.is(labelled.label(1), 7)
  t.falsy(labelled.unlabelled)
})

test('a target of another size, a missing one, one without a shape, and a value that is not finite are refused', async (t) => {
  const features = [1]
  const [shape, targetShape] = [[1], [2]]
  for (const [row, settings, code, message] of [
    [{ features, target: [1] }, { shape, targetShape }, 'DATA_STREAM_ROW', /a target of 2 values, but has 1/],
    [{ features, label: 1 }, { shape, targetShape }, 'DATA_STREAM_ROW', /a target of 2 values, but has none/],
    [{ features, target: [1] }, { shape }, 'DATA_STREAM_ROW', /no target without a targetShape, but has 1/],
    [{ features, target: [1, 1e39] }, { shape, targetShape }, 'DATA_VALUE', /^target \[1\] of example 0 .* is 1e\+39/],
    [{ features }, { shape }, 'DATA_VALUE', /^the label of example 0 of the stream is undefined/],
  ] as const)
    await t.throwsAsync(collectExamples([row], settings), { code, message })
  // An example takes four bytes for the feature, eight for the label and four for each of a million values.
  const target = new Float32Array(1_000_000)
  await t.throwsAsync(
    collectExamples([{ features, target }], { shape, targetShape: [1_000_000], maxBytes: 4_000_000 }),
    {
      code: 'DATA_STREAM_BOUND',
    },
  )
})
