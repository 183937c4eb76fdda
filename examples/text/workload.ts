import {
  fedAvg,
  type Layer,
  layersLearner,
  type ModelFunction,
  multiHeadAttention,
  randomStream,
  type SymbolicTensor,
  sinePositionEncoding,
  twoTier,
  workload,
} from 'flame-fl/sdk'
import { savedModel } from 'flame-fl/sdk/node'
import { messageLength, messages, wordCount } from './messages.ts'

/** A layer's output for an input, or for several. */
const through = (layer: Layer, ...given: SymbolicTensor[]) =>
  layer.apply(given.length === 1 ? given[0]! : given) as SymbolicTensor

/** One block of a transformer over the words of a message: 10,625 weights. */
const attentive: ModelFunction = (tf) => {
  const { layers } = tf
  const numbers = tf.input({ shape: [messageLength] })
  // The number 0 is padding: words don't attend to it, and the mean leaves it out.
  const words = through(layers.embedding({ inputDim: wordCount, outputDim: 32, maskZero: true }), numbers)
  const placed = through(layers.add(), words, through(sinePositionEncoding(), words))
  const attended = through(multiHeadAttention({ numHeads: 4, keyDim: 8 }), placed)
  const first = through(layers.layerNormalization(), through(layers.add(), placed, attended))
  const hidden = through(layers.dense({ units: 64, activation: 'gelu' }), first)
  const back = through(layers.dense({ units: 32 }), hidden)
  const second = through(layers.layerNormalization(), through(layers.add(), first, back))
  const mean = through(layers.globalAveragePooling1d({}), second)
  return tf.model({ inputs: numbers, outputs: through(layers.dense({ units: 1, activation: 'sigmoid' }), mean) })
}

/** The habits of everybody together: each kind of message as often as the others. */
const evenly = { uniform: () => 1 }

/** Tells spam from other messages. Each client has the messages of one person, who gets some kinds of them more than others. */
export default workload({
  name: 'text',
  settings: {
    rounds: 20,
    clients: 20,
    fraction: 0.5,
    epochs: 2,
    batch: 16,
    learningRate: 0.003,
    /** Number of messages of a client. */
    messages: 64,
    /** Folder of a trained model to begin with, such as a round of this job's models. */
    base: '',
    /** Rank of adapters, which alone train and travel. 0: the whole model does. */
    lora: 0,
  },

  learner: async ({ learningRate, epochs, batch, base, lora }) =>
    layersLearner({
      model: base === '' ? attentive : await savedModel(base),
      ...(lora > 0 && { lora: { rank: lora } }),
      loss: 'sigmoidCrossEntropy',
      optimizer: 'adam',
      learningRate,
      epochs,
      batch,
    }),

  data({ clients, messages: count }, random) {
    const seed = random.uint32()
    return {
      clients,
      client: (client) => messages(count, randomStream(seed, 'client', client)),
      test: messages(500, randomStream(seed, 'test'), evenly),
    }
  },
  topology: ({ clients }) => twoTier({ clients }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})
