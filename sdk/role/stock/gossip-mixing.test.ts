import test from 'ava'
import fc from 'fast-check'
import { secondEigenvalue } from '../../../test/vectors/topology-cases.ts'
import { randomStream } from '../../random/random-stream.ts'
import { graphMisfit, graphNamed, metropolisWeights, neighboursIn } from '../../tag/gossip-graph.ts'
import { consensusOf, mixed } from './gossip-mixing.ts'

const drawn = fc
  .record({
    name: fc.constantFrom('full', 'ring', 'torus', 'regular:2', 'regular:3', 'regular:4'),
    ends: fc.integer({ min: 2, max: 12 }),
    seed: fc.nat(),
  })
  .filter(({ name, ends }) => graphMisfit(graphNamed(name)!, ends) === undefined)

/** The matrix of all ends' weights, and a model for each end. */
function mixing({ name, ends, seed }: { readonly name: string; readonly ends: number; readonly seed: number }) {
  const random = randomStream(seed)
  const neighbours = neighboursIn(graphNamed(name)!, ends, random)
  const matrix = Array.from({ length: ends }, (_, end) => {
    const others = metropolisWeights(neighbours, end)
    const own = 1 - [...others.values()].reduce((sum, weight) => sum + weight, 0)
    return Array.from({ length: ends }, (_one, other) => (other === end ? own : (others.get(other) ?? 0)))
  })
  const models = Array.from({ length: ends }, () => Float32Array.from({ length: 5 }, () => 2 * random.uniform() - 1))
  const after = matrix.map((row) => mixed(models.map((weights, end) => ({ weight: row[end] ?? 0, weights }))))
  return { matrix, models, after }
}

function squares(models: readonly Float32Array[]): number {
  const { mean } = consensusOf(models)
  return models.flatMap((model) => [...model].map((value, i) => (value - mean[i]!) ** 2)).reduce((a, b) => a + b, 0)
}

test('mixing leaves the mean of all ends as it is, to rounding', (t) => {
  fc.assert(
    fc.property(drawn, (given) => {
      const { models, after } = mixing(given)
      const [before, mean] = [consensusOf(models).mean, consensusOf(after).mean]
      for (const [i, value] of mean.entries()) t.true(Math.abs(value - before[i]!) < 1e-6)
    }),
  )
})

test('mixing shrinks the distance from the mean at least by the second largest magnitude of the eigenvalues', (t) => {
  fc.assert(
    fc.property(drawn, (given) => {
      const { matrix, models, after } = mixing(given)
      const factor = secondEigenvalue(matrix)
      t.true(factor < 1)
      t.true(Math.sqrt(squares(after)) <= factor * Math.sqrt(squares(models)) + 1e-5)
    }),
  )
})

test('the consensus is the mean, with the greatest distance of a model from it', (t) => {
  const { mean, distance } = consensusOf([Float32Array.of(0, 0), Float32Array.of(6, 8), Float32Array.of(0, 1)])
  t.deepEqual([...mean], [2, 3])
  t.is(distance, Math.sqrt(41))
})
