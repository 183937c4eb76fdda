/** A published result: the number of rounds until a test accuracy is reached. */
export interface Experiment {
  readonly name: string
  /** Title in the words of the paper's table. */
  readonly title: string
  readonly settings: Readonly<Record<string, string | number>>
  /** Test accuracy to be reached, 0 to 1. */
  readonly target: number
  readonly publishedRounds: number
  /** Rounds after which a run is given up. */
  readonly mostRounds: number
  /** Learning rates that are tried. */
  readonly rates: readonly number[]
}

/** One run of an experiment. */
export interface Run {
  readonly experiment: string
  readonly seed: number
  readonly rate: number
  /** Test accuracy after each round, up to the first that reached the target. */
  readonly accuracies: readonly number[]
  readonly reached: boolean
}

const common = { clients: 100, fraction: 0.1 }
const twoHidden = { ...common, model: '2nn', epochs: 1 }
const convolutional = { ...common, model: 'cnn', epochs: 5, batch: 10 }

/**
 * The rows of McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017,
 * tables 1 and 2, for MNIST with C = 0.1. B = ∞ is a client's whole set of 600 examples; with E = 1, it is FedSGD.
 */
export const fedAvgMnist: readonly Experiment[] = [
  {
    name: '2nn-iid',
    title: '2NN, E = 1, B = 10, IID',
    settings: { ...twoHidden, batch: 10, partition: 'iid' },
    target: 0.97,
    publishedRounds: 87,
    mostRounds: 300,
    rates: [0.05, 0.1, 0.2],
  },
  {
    name: '2nn-shards',
    title: '2NN, E = 1, B = 10, shards',
    settings: { ...twoHidden, batch: 10, partition: 'shards' },
    target: 0.97,
    publishedRounds: 664,
    mostRounds: 1500,
    rates: [0.05, 0.1],
  },
  {
    name: '2nn-fedsgd-iid',
    title: '2NN, E = 1, B = ∞ (FedSGD), IID',
    settings: { ...twoHidden, batch: 600, partition: 'iid' },
    target: 0.97,
    publishedRounds: 1474,
    mostRounds: 3000,
    rates: [0.2, 0.5],
  },
  {
    name: 'cnn-iid',
    title: 'CNN, E = 5, B = 10, IID',
    settings: { ...convolutional, partition: 'iid' },
    target: 0.99,
    publishedRounds: 20,
    mostRounds: 60,
    rates: [0.1],
  },
  {
    name: 'cnn-shards',
    title: 'CNN, E = 5, B = 10, shards',
    settings: { ...convolutional, partition: 'shards' },
    target: 0.99,
    publishedRounds: 229,
    mostRounds: 600,
    rates: [0.1],
  },
]
