import test from 'ava'
import { inMemoryExamples, subset } from './in-memory-examples.ts'

const examples = inMemoryExamples({
  features: Uint8Array.of(0, 51, 102, 153, 204, 255),
  labels: [3, 1, 2],
  shape: [2],
})

test('bytes are read as 0 to 1 into the given place', (t) => {
  const out = new Float32Array(4)
  examples.read(2, out, 1)
  t.deepEqual([...out], [0, Math.fround(0.8), 1, 0])
  t.is(examples.label(2), 2)
})

test('a subset has the chosen examples in the chosen order', (t) => {
  const chosen = subset(examples, Uint32Array.of(2, 0, 2))
  const out = new Float32Array(2)
  chosen.read(1, out, 0)
  t.deepEqual([...out], [0, Math.fround(0.2)])
  t.deepEqual([chosen.count, chosen.label(0), chosen.label(1), chosen.label(2)], [3, 2, 3, 2])
})

test('features that do not fit the labels and the shape are refused', (t) => {
  t.throws(() => inMemoryExamples({ features: new Uint8Array(5), labels: [0, 1], shape: [2] }), { code: 'DATA_COUNT' })
})

test('an index that is none of the examples is refused', (t) => {
  const chosen = subset(examples, Uint32Array.of(1))
  t.throws(() => examples.read(3, new Float32Array(2), 0), { code: 'DATA_INDEX' })
  t.throws(() => chosen.label(1), { code: 'DATA_INDEX' })
  t.throws(() => subset(examples, Uint32Array.of(3)), { code: 'DATA_INDEX' })
})
