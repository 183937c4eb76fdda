import {
  type Algorithm,
  chosen,
  type Examples,
  fedAvg,
  freeEnds,
  inMemoryExamples,
  type Learner,
  layersLearner,
  type ModelFunction,
  type Population,
  type TensorFlow,
  type Topology,
  twoTier,
  workload,
} from 'flame-fl/sdk'
import { withBaseModel } from 'flame-fl/sdk/node'

/** A workload with one fault at a time, by its setting `fault`. */

const dense =
  (activation?: 'softmax'): ModelFunction =>
  ({ layers, sequential }) =>
    sequential({
      layers: [layers.dense({ units: 3, inputShape: [2], ...(activation && { activation }), name: 'end' })],
    })

/** A user's own layer, whose configuration lacks the initializer of its weight. */
function customModel(tf: TensorFlow) {
  class Scale extends tf.layers.Layer {
    static readonly className = 'Scale'
    override build() {
      this.addWeight('factor', [1], 'float32', tf.initializers.ones())
    }
    override call(inputs: Parameters<InstanceType<TensorFlow['layers']['Layer']>['call']>[0]) {
      return inputs
    }
  }
  tf.serialization.registerClass(Scale)
  return tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [2] }), new Scale({})] })
}

const models: Readonly<Record<string, ModelFunction>> = {
  softmax: dense('softmax'),
  'slow-base': ({ layers, sequential }) =>
    sequential({
      layers: [
        layers.repeatVector({ n: 2, inputShape: [2] }),
        layers.flatten(),
        layers.dense({ units: 3, name: 'end' }),
      ],
    }),
  'custom-layer': customModel,
  'outside-engine': ({ layers, sequential }) =>
    sequential({ layers: [layers.lstm({ units: 3, inputShape: [2, 1], dropout: 0.5 })] }),
}

const few = ['few-clients', 'label', 'shape', 'empty']

function examplesOf(fault: string, client: number): Examples {
  const isFaulty = client === 2 && few.includes(fault)
  const count = isFaulty && fault === 'empty' ? 0 : 5
  const shape = isFaulty && fault === 'shape' ? [7] : [2]
  const size = shape[0] ?? 0
  const random = fault === 'random-data' ? Math.random : () => 0.5
  return inMemoryExamples({
    features: Float32Array.from({ length: count * size }, () => random()),
    labels: Array.from({ length: count }, (_, index) => (isFaulty && fault === 'label' && index === 4 ? 3 : index % 3)),
    shape,
  })
}

function topologyOf(fault: string, clients: number): Topology {
  const topology = twoTier({ clients })
  const { schema } = topology
  if (fault === 'random-topology') return { ...topology, schema: { ...schema, name: `two-tier-${Math.random()}` } }
  if (fault === 'role') {
    const text = JSON.stringify(topology).replaceAll('top-aggregator', 'boss').replaceAll('aggregate', 'command')
    return { ...topology, ...JSON.parse(text.replaceAll('distribute', 'order')) }
  }
  if (fault === 'tags') {
    const channels = schema.channels.map((channel) => ({
      ...channel,
      funcTags: { ...channel.funcTags, trainer: ['upload'] },
    }))
    return { ...topology, schema: { ...schema, channels } }
  }
  return topology
}

function strategyOf(fault: string): Algorithm {
  const strategy = fedAvg()
  const lottery = (population: Population) => freeEnds(population).filter(() => Math.random() < 0.5)
  if (fault === 'random-selector') return { ...strategy, select: { select: lottery } }
  const step = (weights: Float32Array) => weights.fill(Math.random())
  if (fault === 'random-step') return { ...strategy, server: { init: () => ({}), step } }
  return strategy
}

export default workload({
  name: 'faulty',
  settings: { rounds: 2, clients: 64, batch: 2, fault: 'none' },
  async learner({ fault, batch }): Promise<Learner> {
    const learner = await layersLearner({
      model: Object.hasOwn(models, fault) ? chosen('fault', fault, models) : dense(),
      loss: 'softmaxCrossEntropy',
      learningRate: 0.1,
      epochs: 1,
      batch,
    })
    if (fault === 'slow-base')
      return { ...withBaseModel(learner, 'x'), initialWeights: (random) => learner.initialWeights(random) }
    if (fault === 'random-learner')
      return { ...learner, initialWeights: async () => Float32Array.from({ length: 9 }, Math.random) }
    return learner
  },
  data: ({ clients, fault }) => ({
    clients: fault === 'few-clients' ? clients - 1 : clients,
    client: (index) => examplesOf(fault, index),
    samples: (index) => (fault === 'samples' && index === 3 ? 6 : examplesOf(fault, index).count),
    test: examplesOf('none', 0),
  }),
  topology: ({ clients, fault }) => topologyOf(fault, clients),
  strategy: ({ fault }) => strategyOf(fault),
})
