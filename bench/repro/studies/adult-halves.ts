import {
  type Examples,
  fedAvg,
  inMemoryExamples,
  type ModelFunction,
  twoTier,
  vertical,
  verticalLearner,
  verticalTraining,
  workload,
} from '../../../sdk/index.ts'
import { joined } from '../../../sdk/weights/joined.ts'
import { percent, type Table, type Trial } from '../series/study.ts'
import { trained } from '../series/trained.ts'
import { census, first } from './adult-census.ts'

/** The features of workclass, education, marital status and occupation, and those of the other four columns. */
const widths = [45, 54] as const
const rounds = 10
/** Small steps, so that the order of the last batches says little. */
const steps = { learningRate: 0.02, epochs: 1, batch: 50 }

type Kind = 'logistic regression' | 'network'

/** Values that a party sends on for an example. */
const sent: Readonly<Record<Kind, number>> = { 'logistic regression': 1, network: 16 }

/** The model of both parties; `train` and `evaluate` take the columns of both side by side. */
function joint(kind: Kind) {
  const units = sent[kind]
  const party =
    (width: number): ModelFunction =>
    ({ layers, sequential }) => {
      const activation = kind === 'network' ? 'relu' : 'linear'
      return sequential({ layers: [layers.dense({ units, activation, inputShape: [width] })] })
    }
  return verticalLearner({
    parties: widths.map(party),
    top: ({ layers, sequential }) =>
      sequential({ layers: [layers.dense({ units: 1, inputShape: [units * widths.length] })] }),
    loss: 'sigmoidCrossEntropy',
    ...steps,
  })
}

/** A party's columns, and everybody's ids. */
function columnsOf(examples: Examples, party: number): Examples {
  const width = widths[party]!
  const from = party === 0 ? 0 : widths[0]
  const row = new Float32Array(widths[0] + widths[1])
  const features = new Float32Array(examples.count * width)
  for (let index = 0; index < examples.count; index++) {
    examples.read(index, row, 0)
    features.set(row.subarray(from, from + width), index * width)
  }
  const indices = Array.from({ length: examples.count }, (_, index) => index)
  const labels = indices.map((index) => (party === 0 ? examples.label(index) : 0))
  return inMemoryExamples({ features, labels, shape: [width], ids: indices.map((index) => `person-${index}`) })
}

/** Two parties have half of the columns each; the first has the incomes, too. */
function split(kind: Kind): Trial {
  return {
    row: `split ${kind}`,
    async run({ seed, quick }) {
      const { training, test } = await people(quick)
      const parties = widths.map((_, party) => columnsOf(training, party))
      const definition = workload({
        name: 'adult-halves',
        settings: { rounds: quick ? 3 : rounds, clients: parties.length },
        learner: () => joint(kind),
        data: ({ clients }) => ({ clients, client: (index) => parties[index]!, test }),
        topology: ({ clients }) => vertical({ parties: clients }),
        // The test set is UCI's; a few people are left out for the job's own evaluation, which has to be.
        strategy: () => verticalTraining({ alignment: 'hashed', heldOut: 0.01 }),
      })
      const { weightsOf } = await trained({ workload: definition, seed })
      const parts = await Promise.all(['label-holder-0', 'feature-holder-0'].map(weightsOf))
      const weights = joined(parts, (length) => new Float32Array(length))
      return { values: await measured(kind, weights, test) }
    },
  }
}

/** The same model, trained at one place that has all columns. */
function pooled(kind: Kind): Trial {
  return {
    row: `pooled ${kind}`,
    async run({ seed, quick }) {
      const { training, test } = await people(quick)
      const definition = workload({
        name: 'adult-pooled',
        settings: { rounds: quick ? 3 : rounds, clients: 1 },
        learner: () => joint(kind),
        data: ({ clients }) => ({ clients, client: () => training, test }),
        topology: ({ clients }) => twoTier({ clients }),
        strategy: () => fedAvg(),
      })
      const { weightsOf } = await trained({ workload: definition, seed })
      return { values: await measured(kind, await weightsOf(), test) }
    },
  }
}

async function people(quick: boolean) {
  const { training, test } = await census()
  return quick ? { training: first(training, 2_000), test: first(test, 2_000) } : { training, test }
}

async function measured(kind: Kind, weights: Float32Array, test: Examples) {
  const { metrics } = await joint(kind).evaluate(weights, test)
  return { accuracy: metrics.accuracy ?? Number.NaN, loss: metrics.loss ?? Number.NaN }
}

/** A table for each kind of model: columns at two parties, and at one place. */
export const halves: Table = {
  name: 'halves',
  title: 'Half of the columns at each of two parties',
  columns: [percent('accuracy'), { name: 'loss', unit: 'number' }],
  trials: (['logistic regression', 'network'] as const).flatMap((kind) => [split(kind), pooled(kind)]),
}
