import test from 'ava'
import { inMemoryExamples } from './in-memory-examples.ts'
import { sideBySide } from './side-by-side.ts'

const images = inMemoryExamples({
  features: Uint8Array.of(0, 255, 51, 102, 204, 153, 0, 51),
  labels: [2, 1],
  shape: [2, 2],
  columns: { group: [1, 0] },
  ids: ['a', 'b'],
})
const ages = inMemoryExamples({ features: Float32Array.of(30, 40), labels: [9, 9], shape: [1] })

test('features of one example lie one after the other, and the rest is that of the first set', (t) => {
  const both = sideBySide([images, ages])
  t.deepEqual(both.shape, [5])
  t.is(both.count, 2)
  const out = new Float32Array(7)
  both.read(1, out, 1)
  t.deepEqual([...out], [0, 0.8, 0.6, 0, 0.2, 40, 0].map(Math.fround))
  t.is(both.label(0), 2)
  t.is(both.columns?.group?.(0), 1)
  t.is(both.id?.(1), 'b')
  t.is(both.bytes, undefined)
  t.throws(() => both.read(2, out, 0), { code: 'DATA_INDEX' })
})

test('sets of different lengths, and no set, are refused', (t) => {
  const one = inMemoryExamples({ features: Float32Array.of(1), labels: [0], shape: [1] })
  t.throws(() => sideBySide([images, one]), { code: 'DATA_SIDES', message: /2, 1/ })
  t.throws(() => sideBySide([]), { code: 'DATA_SIDES', message: /none/ })
})
