import { gradientSteps } from '../../learn/gradient-steps.ts'
import type { ModelPart } from '../../learn/learner.ts'
import { batchesOf } from '../../learn/local-training.ts'
import { randomStream } from '../../random/random-stream.ts'
import type { PoolPass, TrainingPool } from '../../training/training-pool.ts'
import { layoutOf } from '../../weights/layout.ts'
import type { PoolUnderTest } from './topology.contract.ts'

/** The seed of the jobs on these pools. */
const seed = 1
const layers = ['first', 'second', 'third', 'fourth']
const steps = { learningRate: 0.05, epochs: 2, batch: 2 }

/**
 * A pool with a model of four layers in a row, out = w·in + v, whose parts can be trained apart. Clients learn a line,
 * each another one, from 2 to 4 examples.
 */
export function chainPool({
  clients,
  beforeTraining,
  beforeEvaluation,
}: PoolUnderTest): Required<Pick<TrainingPool, 'pass' | 'samples'>> & TrainingPool {
  const layout = layoutOf(layers.map((layer) => ({ name: `${layer}/line`, shape: [2] })))
  const samples = (client: number) => 2 + (client % 3)

  async function train({ weights, round, end, client }: Parameters<TrainingPool['train']>[0]) {
    await beforeTraining?.()
    const optimizer = gradientSteps(steps)
    let moved = { weights, state: optimizer.begin(layout.size) }
    let total = 0
    for (const { indices } of batchesOf(
      { examples: samples(client), ...steps },
      randomStream(seed, round, end, 'train'),
    )) {
      const { gradient, loss } = passed({
        part: {},
        weights: moved.weights,
        of: { indices },
        client,
        way: { from: 'loss' },
      })
      moved = optimizer.step(moved.weights, gradient, moved.state)
      total += loss * indices.length
    }
    const delta = moved.weights.map((value, index) => value - (weights[index] ?? 0))
    const metrics = { loss: total / (steps.epochs * samples(client)) }
    return { delta, samples: samples(client), metrics }
  }

  return {
    layout,
    clients,
    ownSteps: steps,
    abilities: ['parts'],
    modelLayers: { layers, untrained: [] },
    initialWeights: async () => Float32Array.from(layers.flatMap((_, index) => [1 + index / 8, index / 16])),
    train,
    samples: async (client) => samples(client),
    async pass(request) {
      await beforeTraining?.()
      return passed(request)
    },
    async evaluate(weights) {
      await beforeEvaluation?.()
      const indices = Uint32Array.of(0, 1, 2, 3)
      const { loss } = passed({ part: {}, weights, of: { indices }, client: 1, way: { from: 'loss' } })
      return { samples: 4, metrics: { loss } }
    },
    evaluateClient: async () => ({ samples: 1, metrics: {} }),
    close: async () => {},
  }
}

type AskedPass = Pick<PoolPass, 'part' | 'weights' | 'of' | 'client' | 'way'>

function passed({ part, weights, of, client = 0, way }: AskedPass) {
  const own = 'indices' in of ? of.indices : undefined
  const given = 'inputs' in of ? of.inputs : Float32Array.from(of.indices, (index) => feature(client, index))
  const labels = own && Float32Array.from(own, (index) => 2 * feature(client, index) + 1 + client / 10)
  const [from, to] = spanOf(part)
  /** By layer: its inputs. */
  const inputs = [given]
  for (let layer = from; layer < to; layer++) {
    const [w = 0, v = 0] = weights.subarray(2 * layer, 2 * layer + 2)
    inputs.push((inputs.at(-1) ?? given).map((value) => w * value + v))
  }
  const values = inputs.at(-1) ?? given
  const wanted = 'from' in way && way.from === 'loss' ? (way.labels ?? labels ?? values) : values
  const differences = values.map((value, index) => value - (wanted[index] ?? 0))
  let slope = 'gradient' in way ? way.gradient : differences.map((value) => value / values.length)
  const gradient = new Float32Array(2 * layers.length)
  for (let layer = to - 1; layer >= from; layer--) {
    const before = inputs[layer - from] ?? given
    gradient[2 * layer] = slope.reduce((sum, value, index) => sum + value * (before[index] ?? 0), 0)
    gradient[2 * layer + 1] = slope.reduce((sum, value) => sum + value, 0)
    slope = slope.map((value) => value * (weights[2 * layer] ?? 0))
  }
  const loss = differences.reduce((sum, value) => sum + value * value, 0) / 2 / values.length
  return { values, ...(labels && { labels }), gradient, inputs: from === 0 ? new Float32Array() : slope, loss }
}

function feature(client: number, index: number): number {
  return (((7 * client + 3 * index) % 5) - 2) / 2
}

/** The layers of a part: from this one up to, and without, that one. */
function spanOf({ after, through }: ModelPart): readonly [from: number, to: number] {
  const end = through === undefined ? layers.length : layers.indexOf(through) + 1
  return [after === undefined ? 0 : layers.indexOf(after) + 1, end]
}
