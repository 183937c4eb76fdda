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

test('contributions that are added together count as one after another, and each refused one is told apart', (t) => {
  const open = () =>
    roundSum(
      { needs: 'sum', vectors: { delta: { quantumBits: 34 } } },
      namedSums({ layout: layoutOf([{ name: 'w', shape: [2] }]), name: 'test' }),
    )
  const contributions = [1, Number.NaN, 3, 4, 5, 6].map((value, index) => ({
    end: `trainer-${index}`,
    contribution: {
      vectors: { delta: Float32Array.of(value, -value) },
      weight: index + 1,
      samples: index === 4 ? 0.5 : 1,
      metrics: { loss: value },
    },
  }))
  const [together, single] = [open(), open()]
  const codes = together.addAll(contributions).map((refusal) => refusal?.code)
  t.deepEqual(codes, [undefined, 'SUM_VALUE', undefined, undefined, 'SUM_SAMPLES', undefined])
  for (const { end, contribution } of contributions) {
    if (end === 'trainer-1' || end === 'trainer-4') t.throws(() => single.add(end, contribution))
    else single.add(end, contribution)
  }
  t.deepEqual(together.partial(), single.partial())
  t.deepEqual(together.members, ['trainer-0', 'trainer-2', 'trainer-3', 'trainer-5'])
})
