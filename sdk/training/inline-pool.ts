import type { GivenDatasets } from '../data/datasets.ts'
import { learnError } from '../learn/errors.ts'
import { chunkCount } from '../learn/evaluation.ts'
import type { Evaluation } from '../learn/learner.ts'
import type { Settings } from '../role/role.ts'
import type { Workload } from '../workload/workload.ts'
import type { Hold } from './held-sums.ts'
import { localTrainer } from './local-trainer.ts'
import type { TrainingPool } from './training-pool.ts'

/**
 * A pool that runs the learner in this thread. One request runs at a time, though requests of several clients
 * interleave at batches. With `hold`, such as `holdingHere`, it has `trainHeld`: pages, whose updates travel, do without the
 * code for it.
 */
export async function inlinePool<S extends Settings>(
  workload: Pick<Workload<S>, 'learner' | 'data'>,
  settings: S,
  seed: number,
  datasets?: GivenDatasets,
  hold?: Hold,
): Promise<TrainingPool> {
  const trainer = await localTrainer(workload, settings, seed, datasets)
  const held = hold?.(trainer.layout)
  let closed = false
  const open = () => {
    if (closed) throw learnError('LEARN_CLOSED')
    return trainer
  }
  return {
    layout: trainer.layout,
    modelTopology: trainer.modelTopology,
    adapters: trainer.adapters,
    runsOn: trainer.runsOn,
    jobProducts: trainer.jobProducts,
    ownSteps: trainer.ownSteps,
    abilities: trainer.abilities,
    sections: trainer.sections,
    modelLayers: trainer.modelLayers,
    clients: trainer.clients,
    initialWeights: async () => open().initialWeights(),
    // Neither an async function, whose frame would stay while the training runs.
    train: (request) => (closed ? Promise.reject(learnError('LEARN_CLOSED')) : trainer.train(request)),
    ...(held && { trainHeld: (request) => held((into) => open().train(request, into)) }),
    trainRoot: trainer.trainRoot,
    async evaluate(weights) {
      const parts: Evaluation[] = []
      const chunks = chunkCount(await open().testExamples())
      for (let chunk = 0; chunk < chunks; chunk++) {
        parts.push(await open().evaluateChunk(weights, chunk))
      }
      // A page, which evaluates on its own examples alone, does without the code for it.
      const { mergeEvaluations } = await import('../learn/merged-evaluation.ts')
      return mergeEvaluations(parts)
    },
    evaluateClient: async (request) => open().evaluateClient(request),
    pass: async (request) => open().pass(request),
    ids: async (client) => open().ids(client),
    samples: (client) => open().samples(client),
    labels: async (clients) => open().labels(clients),
    async close() {
      if (!closed) trainer.dispose()
      closed = true
    },
  }
}
