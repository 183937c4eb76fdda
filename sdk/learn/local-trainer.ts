import { randomStream } from '../random/random-stream.ts'
import type { Settings, Workload } from '../workload/workload.ts'
import { learnError } from './errors.ts'
import { chunkOf } from './evaluation.ts'
import type { Evaluation, Learner, Update } from './learner.ts'
import type { PoolTrainingRequest, TrainingPool } from './training-pool.ts'

/** A workload's learner with its data, in the thread that made it: what a pool runs one or more of. */
export interface LocalTrainer extends Pick<Learner, 'layout' | 'modelTopology'>, Pick<TrainingPool, 'runsOn'> {
  readonly clients: number
  readonly testExamples: number
  initialWeights(): Promise<Float32Array>
  /** The delta is put where `into` says, if the learner asks it. */
  train(request: PoolTrainingRequest, into?: () => Float32Array): Promise<Update>
  evaluateChunk(weights: Float32Array, chunk: number): Promise<Evaluation>
  dispose(): void
}

/**
 * Makes the workload's learner and data, and gives each request its random stream.
 *
 * @throws LEARN_EMPTY without test examples; in requests LEARN_CLIENT, LEARN_WEIGHTS, and what the learner throws.
 */
export async function localTrainer<S extends Settings>(
  workload: Workload<S>,
  settings: S,
  seed: number,
): Promise<LocalTrainer> {
  const [learner, data] = await Promise.all([
    workload.learner(settings),
    workload.data(settings, randomStream(seed, 'partition')),
  ])
  const { layout } = learner
  const checked = (what: string, values: Float32Array) => {
    if (values.length === layout.size) return values
    throw learnError('LEARN_WEIGHTS', { what, expected: layout.size, came: values.length })
  }
  if (data.test.count < 1) throw learnError('LEARN_EMPTY', { purpose: 'evaluate' })
  return {
    layout,
    modelTopology: learner.modelTopology,
    runsOn: learner.runsOn,
    clients: data.clients,
    testExamples: data.test.count,
    initialWeights: async () =>
      checked('the initial weights', await learner.initialWeights(randomStream(seed, 'initial-weights'))),
    async train({ client, end, round, weights, terms, signal }, into) {
      signal?.throwIfAborted()
      if (!(Number.isInteger(client) && client >= 0 && client < data.clients)) {
        throw learnError('LEARN_CLIENT', { client, clients: data.clients })
      }
      const update = await learner.train({
        weights: checked('the weights', weights),
        examples: data.client(client),
        random: randomStream(seed, round, end, 'train'),
        terms,
        ...(signal && { signal }),
        ...(into && { into }),
      })
      checked('the delta', update.delta)
      return update
    },
    evaluateChunk: (weights, chunk) => learner.evaluate(checked('the weights', weights), chunkOf(data.test, chunk)),
    dispose: () => learner.dispose?.(),
  }
}
