import test from 'ava'
import { namedSums } from '../sum/named-sums.ts'
import { layoutOf } from '../weights/layout.ts'
import { roundSum } from './round-sum.ts'

test('a contribution of no whole number of examples is refused, and changes nothing', (t) => {
  const sums = namedSums({ layout: layoutOf([{ name: 'w', shape: [2] }]), name: 'test' })
  const sum = roundSum({ needs: 'sum', vectors: { delta: { quantumBits: 34 } } }, sums)
  const delta = Float32Array.of(1, 2)
  for (const samples of [1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    const contribution = { vectors: { delta }, weight: 1, samples, metrics: { loss: 1 } }
    t.throws(() => sum.add('trainer-0', contribution), { code: 'SUM_SAMPLES' })
  }
  t.deepEqual(sum.members, [])
  t.is(sums.updates, 0)
})
