import type { Update } from '../learn/learner.ts'
import { randomStream } from '../random/random-stream.ts'
import type { PoolTrainingRequest, TrainingPool } from '../training/training-pool.ts'
import { layoutOf } from '../weights/layout.ts'

export interface TinyPoolOptions {
  readonly clients: number
  readonly size?: number
  readonly seed?: number
  /** Called before each training. Throw here to make the training fail. */
  readonly beforeTraining?: (request: PoolTrainingRequest) => void | Promise<void>
  readonly beforeEvaluation?: () => void | Promise<void>
  /** Changes the update of a training. */
  readonly distort?: (update: Update, request: PoolTrainingRequest) => Update
}

/**
 * A pool whose clients move the weights a little, each differently. A job on this pool has all its parts except the
 * arithmetic of learning.
 */
export function tinyPool({
  clients,
  size = 7,
  seed = 1,
  beforeTraining,
  beforeEvaluation,
  distort,
}: TinyPoolOptions): TrainingPool {
  return {
    layout: layoutOf([{ name: 'w', shape: [size] }]),
    clients,
    initialWeights: async () => new Float32Array(size).fill(1),
    async train(request) {
      await beforeTraining?.(request)
      const random = randomStream(seed, request.round, request.end, 'train')
      const delta = request.weights.map((weight) => (random.uniform() - 0.5 - weight) / 10)
      const update = { delta, samples: 1 + (request.client % 3), metrics: { loss: random.uniform() } }
      return distort ? distort(update, request) : update
    },
    async evaluate(weights) {
      await beforeEvaluation?.()
      return { samples: 1, metrics: { loss: squaresOf(weights), accuracy: 0.5 } }
    },
    async evaluateClient({ client, weights, perExample }) {
      const loss = squaresOf(weights) + client
      return { samples: 1, metrics: { loss }, ...(perExample && { losses: Float32Array.of(loss) }) }
    },
    close: async () => {},
  }
}

function squaresOf(weights: Float32Array): number {
  return weights.reduce((sum, weight) => sum + weight * weight, 0)
}
