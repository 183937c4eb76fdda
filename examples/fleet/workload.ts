import { fedAvg, layersLearner, syntheticLeaf, twoTier, workload } from 'flame-fl/sdk'

/**
 * A small model on Synthetic(α, β), whose clients label their examples each by a model of its own, around a common one. A
 * client's examples are made when it trains, so that there may be any number of clients, such as a simulated fleet's
 * devices.
 */
export default workload({
  name: 'fleet',
  settings: {
    rounds: 20,
    clients: 100,
    fraction: 0.1,
    epochs: 1,
    batch: 10,
    learningRate: 0.1,
    alpha: 1,
    /** How much the features of clients differ. */
    beta: 1,
    /** How much of a client's model is common to all clients: without it there is nothing for very many to learn together. */
    common: 3,
    /** How many examples a client has: a number, a range, or lognormal:MEDIAN:σ. */
    samples: '20-200',
  },

  learner: ({ learningRate, epochs, batch }) =>
    layersLearner({
      model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ inputShape: [60], units: 10 })] }),
      loss: 'softmaxCrossEntropy',
      learningRate,
      epochs,
      batch,
    }),

  data: ({ clients, alpha, beta, common, samples }, random) =>
    syntheticLeaf({ clients, alpha, beta, common, samples, random }),
  topology: ({ clients }) => twoTier({ clients }),
  strategy: ({ fraction }) => fedAvg({ fraction }),
})
