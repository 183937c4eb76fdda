import type { Layout } from '../../sdk/index.ts'
import type { RoleLearner } from '../../sdk/learn/role-learner.ts'
import { arrayOf } from '../../sdk/sum/accumulator.ts'
import { rolePasses } from '../../sdk/training/training-pool.ts'
import { numberOf, type VectorCase } from './cases.ts'

/** A learner whose every training gives the same delta. Its steps have the settings of the case. */
export function scriptedLearner(
  given: VectorCase,
  layout: Layout,
  delta: Float32Array,
  {
    samples = 1,
    steps = 1,
    loss = 0,
    heard = () => {},
  }: {
    readonly samples?: number | undefined
    readonly steps?: number | undefined
    readonly loss?: number | undefined
    readonly heard?: (request: Parameters<RoleLearner['train']>[0]) => void
  },
): RoleLearner {
  const train: RoleLearner['train'] = async (request) => {
    heard(request)
    return { delta, samples, steps, metrics: {} }
  }
  const evaluation = async () => ({ samples, metrics: { loss } })
  return {
    layout,
    ownSteps: {
      learningRate: numberOf(given, 'learningRate', 1),
      momentum: numberOf(given, 'momentum', 0),
      epochs: 1,
      batch: 1,
    },
    initialWeights: async () => new Float32Array(layout.size),
    train,
    trainHeld: train,
    take: arrayOf,
    ids: async () => [],
    ...rolePasses(
      { pass: async () => ({ gradient: new Float32Array(layout.size), inputs: new Float32Array(), loss }) },
      () => ({ end: 'trainer-0' }),
    ),
    loss: evaluation,
    evaluateClient: evaluation,
    evaluate: evaluation,
  }
}
