import { inMemoryExamples } from '../../data/in-memory-examples.ts'
import { learnError } from '../../learn/errors.ts'
import type { Learner } from '../../learn/learner.ts'
import { workload } from '../../workload/workload.ts'

/** The behaviour of each client's training, by the client's number. */
export const clientThat = {
  trains: 0,
  exits: 1,
  rejects: 2,
  waits: 3,
  throwsLater: 4,
  sendsTooLittle: 5,
  repeats: 6,
  usesTerms: 7,
}

const size = 3
const repeated = Float32Array.of(1, 2, 3)
const control = Float32Array.of(4, 5, 6)
const examples = (client: number) => inMemoryExamples({ features: Uint8Array.of(client), labels: [client], shape: [1] })

const learner: Learner = {
  layout: { tensors: [{ name: 'w', shape: [size] }], size },
  initialWeights: async (random) => Float32Array.from({ length: size }, () => random.uniform()),
  async train({ weights, examples, random, terms, signal }) {
    switch (examples.label(0)) {
      case clientThat.exits:
        return process.exit(3)
      case clientThat.rejects:
        throw learnError(
          'LEARN_DIVERGED',
          { epoch: 1, batch: 2, loss: '{loss}', learningRate: 0.1 },
          { cause: new Error('why') },
        )
      case clientThat.waits:
        await new Promise((_, reject) => {
          // Keeps the thread alive, as real work would.
          const busy = setInterval(() => {}, 1_000)
          signal?.addEventListener('abort', () => {
            clearInterval(busy)
            reject(signal.reason)
          })
        })
        break
      case clientThat.throwsLater:
        setImmediate(() => {
          throw new Error('from nowhere')
        })
        await new Promise(() => {})
        break
      case clientThat.sendsTooLittle:
        return { delta: new Float32Array(size - 1), samples: 1, metrics: {} }
      case clientThat.repeats:
        return { delta: repeated, vectors: { control }, samples: 1, metrics: {} }
      case clientThat.usesTerms: {
        const arrays = [terms?.dynamic?.gradient, terms?.correction]
        const isShared = arrays.every((values) => values?.buffer instanceof SharedArrayBuffer)
        const delta = weights.map((_, index) => arrays.reduce((sum, values) => sum + (values?.[index] ?? 0), 0))
        return { delta, samples: 1, metrics: { shared: Number(isShared), alpha: terms?.dynamic?.alpha ?? 0 } }
      }
    }
    const delta = weights.map((weight) => weight * (terms?.proximal ?? 1) + random.uniform())
    return { delta, samples: 1, metrics: { loss: random.uniform() } }
  },
  evaluate: async (weights, { count, label }) => ({
    samples: count,
    metrics: { loss: (weights[0] ?? 0) / (label(0) + 3) },
  }),
}

export default workload({
  name: 'misbehaving',
  settings: { rounds: 1, clients: 8, broken: false },
  learner: () => learner,
  data({ clients, broken }) {
    if (broken) throw learnError('LEARN_EMPTY', { purpose: 'train' })
    const labels = Uint8Array.from({ length: 2_500 }, (_, index) => index / 1_000)
    return { clients, client: examples, test: inMemoryExamples({ features: labels, labels, shape: [1] }) }
  },
  topology: () => ({ schema: { name: 'none', roles: [], channels: [] }, dataSpec: [] }),
  strategy: () => {
    throw new Error('not used')
  },
})
