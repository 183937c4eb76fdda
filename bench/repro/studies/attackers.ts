import { namesOf, percent, type Study, type Trial } from '../series/study.ts'
import { onPictures } from './pictures.ts'

const sizes = {
  model: '2nn',
  clients: 20,
  training: 3_000,
  test: 1_000,
  rounds: 12,
  epochs: 1,
  batch: 10,
  learningRate: 0.1,
}
const quickSizes = { training: 1_000, test: 500, rounds: 3 }

/** As `--set optimizer=…` names the rules: four of twenty members attack. */
const rules = {
  FedAvg: 'fedavg',
  Krum: 'krum,f=4',
  median: 'median',
  'trimmed mean': 'trimmed-mean,f=4',
} as const

/** As `--set attack=…` names the attacks. */
const attacks = {
  none: undefined,
  'sign flip': 'sign-flip:0.2:scale=4',
  scaled: 'scaled:0.2:scale=10',
  noise: 'gaussian:0.2:deviation=1',
  'inner product': 'inner-product:0.2:epsilon=5',
  'a little is enough': 'alie:0.2',
} as const

function trial(row: keyof typeof rules, column: keyof typeof attacks): Trial {
  const attack = attacks[column]
  return {
    row,
    part: column,
    async run({ seed, quick }) {
      const settings = { ...sizes, ...(quick ? quickSizes : {}) }
      const choices = { optimizer: rules[row], ...(attack !== undefined && { attack }) }
      const { curve, last } = await onPictures({ pictures: 'mnist', settings, seed, choices })
      return { values: { [column]: last('accuracy') }, curves: { [column]: curve('accuracy') } }
    },
  }
}

export const attackers: Study = {
  name: 'attackers',
  title: 'A fifth of attackers on MNIST',
  about: `The 2NN on ${sizes.training} pictures of MNIST, IID on ${sizes.clients} clients, all of which take part in each of ${sizes.rounds} rounds; one epoch of SGD on batches of ${sizes.batch}, learning rate ${sizes.learningRate}; accuracy on ${sizes.test} pictures of the test set after the last round. Four members of each round attack: ${namesOf(
    attacks,
  )
    .flatMap((name) => (attacks[name] === undefined ? [] : [`${name} (\`attack=${attacks[name]}\`)`]))
    .join(
      ', ',
    )}. Rules know that four attack (f = 4). No published table has this set-up: what the papers say is that the mean breaks down and the robust rules don't, and that Krum learns less than the mean where nobody attacks.`,
  seeds: [1, 2, 3],
  tables: [
    {
      name: 'accuracy',
      title: 'Accuracy after the last round',
      columns: namesOf(attacks).map((name) => percent(name)),
      trials: namesOf(rules).flatMap((row) => namesOf(attacks).map((column) => trial(row, column))),
    },
  ],
}
