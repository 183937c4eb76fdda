import {
  choicesOf,
  type Examples,
  fedAvg,
  join,
  type Learner,
  layersLearner,
  type RandomStream,
  randomStream,
  subset,
  twoTier,
  workload,
} from '../../../sdk/index.ts'
import { readCsv } from '../../../sdk/node/index.ts'
import { dataFolder } from '../series/installed.ts'
import { type Outcome, percent, type Study, type Trial } from '../series/study.ts'
import { type Trained, trained } from '../series/trained.ts'

const hospitals = ['Cleveland', 'Hungary', 'Switzerland', 'VA Long Beach'] as const
/** Local updates of a hospital in a round, as in FLamby. */
const updates = 100
const rounds = 15
const batch = 4
const trainFraction = 0.66
/** Five numbers, and each text of five columns. */
const features = 18

/** A row of the file that is labelled Cleveland, and belongs to Hungary: with it the counts are those of UCI's files. */
const mislabelled = 304

/** The 740 patients with a value in each column that FLamby uses, as examples with the hospital's number. */
async function patients(): Promise<Examples> {
  const examples = await readCsv(`${await dataFolder('heart')}/heart_disease_uci.csv`, {
    label: 'num',
    features: ['age', 'sex', 'cp', 'trestbps', 'chol', 'fbs', 'restecg', 'thalch', 'exang', 'oldpeak'],
    categories: {
      sex: ['Female', 'Male'],
      cp: ['typical angina', 'atypical angina', 'non-anginal', 'asymptomatic'],
      fbs: ['FALSE', 'TRUE'],
      restecg: ['normal', 'st-t abnormality', 'lv hypertrophy'],
      exang: ['FALSE', 'TRUE'],
      dataset: hospitals,
    },
    columns: ['id', 'dataset'],
    missing: 'drop',
  })
  const { id = () => 0, dataset = () => 0 } = examples.columns ?? {}
  return {
    ...examples,
    // The severity, of which FLamby keeps whether there is a disease.
    label: (index) => Math.min(1, examples.label(index)),
    columns: { hospital: (index) => (id(index) === mislabelled ? 1 : dataset(index)) },
  }
}

interface Split {
  /** By hospital. */
  readonly training: readonly Examples[]
  readonly test: readonly Examples[]
}

/** 66 % of each hospital's patients for training, the same share of both classes where a class has more than two. */
function split(examples: Examples, random: RandomStream): Split {
  const indices = Array.from({ length: examples.count }, (_, index) => index)
  const parts = hospitals.map((_, hospital) => {
    const own = indices.filter((index) => examples.columns?.hospital?.(index) === hospital)
    const classes = [0, 1].map((label) => own.filter((index) => examples.label(index) === label))
    const groups = classes.every(({ length }) => length > 2) ? classes : [own]
    const shuffled = groups.map((group) => random.shuffle(Uint32Array.from(group)))
    const cut = ({ length }: Uint32Array) => Math.round(trainFraction * length)
    return {
      training: shuffled.flatMap((group) => [...group.subarray(0, cut(group))]),
      test: shuffled.flatMap((group) => [...group.subarray(cut(group))]),
    }
  })
  const of = (kind: 'training' | 'test') => parts.map((part) => subset(examples, Uint32Array.from(part[kind])))
  return { training: of('training'), test: of('test') }
}

/** Features less their mean in `like`, in units of their standard deviation there, if that isn't 0. */
function standardised(examples: Examples, like: Examples): Examples {
  const row = new Float32Array(features)
  const sums = Array.from({ length: features }, () => ({ sum: 0, squares: 0 }))
  for (let index = 0; index < like.count; index++) {
    like.read(index, row, 0)
    for (const [feature, value] of row.entries()) {
      sums[feature]!.sum += value
      sums[feature]!.squares += value * value
    }
  }
  const scales = sums.map(({ sum, squares }) => {
    const mean = sum / like.count
    return { mean, deviation: Math.sqrt(Math.max(0, squares / like.count - mean * mean)) || 1 }
  })
  return {
    ...examples,
    read(index, out, offset) {
      examples.read(index, out, offset)
      for (const [feature, { mean, deviation }] of scales.entries())
        out[offset + feature] = (out[offset + feature]! - mean) / deviation
    },
  }
}

/** Each hospital's patients, standardised by its own training set; or by all training sets, for pooled training. */
async function standardisedSplit(seed: number, by: 'hospital' | 'all'): Promise<Split> {
  const { training, test } = split(await patients(), randomStream(seed, 'heart', 'split'))
  const like = (hospital: number) => (by === 'all' ? join(training) : training[hospital]!)
  const of = (sets: readonly Examples[]) => sets.map((set, hospital) => standardised(set, like(hospital)))
  return { training: of(training), test: of(test) }
}

interface Steps {
  readonly optimizer: 'sgd' | 'adam'
  readonly learningRate: number
  readonly epochs?: number
}

/** Logistic regression with the initial weights of PyTorch's linear layers. */
async function logisticRegression({ epochs = 1, ...steps }: Steps): Promise<Learner> {
  const learner = await layersLearner({
    model: ({ layers, sequential }) => sequential({ layers: [layers.dense({ units: 1, inputShape: [features] })] }),
    loss: 'sigmoidCrossEntropy',
    batch,
    epochs,
    ...steps,
  })
  const bound = 1 / Math.sqrt(features)
  return {
    ...learner,
    initialWeights: async (random) =>
      Float32Array.from({ length: learner.layout.size }, () => bound * (2 * random.uniform() - 1)),
  }
}

/** The same number of steps for each hospital, whatever its size. */
function withSteps(learner: Learner, count: number): Learner {
  return { ...learner, train: (request) => learner.train({ ...request, work: { ...request.work, steps: count } }) }
}

const federated = (data: Split, learningRate: number) =>
  workload({
    name: 'heart',
    settings: { rounds, clients: hospitals.length },
    learner: async () => withSteps(await logisticRegression({ optimizer: 'sgd', learningRate }), updates),
    data: ({ clients }) => ({
      clients,
      client: (index) => data.training[index]!,
      test: join(data.test),
    }),
    topology: ({ clients }) => twoTier({ clients }),
    strategy: () => fedAvg(),
  })

/** All patients at one place: 50 epochs by Adam, as in FLamby. */
const pooled = (data: Split) =>
  workload({
    name: 'heart-pooled',
    settings: { rounds: 1, clients: 1, epochs: 50 },
    learner: ({ epochs }) => logisticRegression({ optimizer: 'adam', learningRate: 0.001, epochs }),
    data: ({ clients }) => ({ clients, client: () => join(data.training), test: join(data.test) }),
    topology: ({ clients }) => twoTier({ clients }),
    strategy: () => fedAvg(),
  })

async function measured(data: Split, { weightsOf, curve }: Trained): Promise<Outcome> {
  const weights = await weightsOf()
  const learner = await logisticRegression({ optimizer: 'sgd', learningRate: 1 })
  const accuracy = async (examples: Examples) =>
    (await learner.evaluate(weights, examples)).metrics.accuracy ?? Number.NaN
  const each = await Promise.all(
    hospitals.map(async (name, index) => [name, await accuracy(data.test[index]!)] as const),
  )
  const curves = curve('accuracy')
  return {
    values: { pooled: await accuracy(join(data.test)), ...Object.fromEntries(each) },
    ...(curves.length > 1 && { curves: { accuracy: curves } }),
  }
}

/** Trains by the algorithm that `--set optimizer=…` would name so. */
function trial(row: string, optimizer: string, learningRate: number): Trial {
  return {
    row,
    async run({ seed, quick }) {
      const data = await standardisedSplit(seed, 'hospital')
      const settings = quick ? { rounds: 5 } : {}
      const job = { workload: federated(data, learningRate), settings, seed, algorithms: choicesOf({ optimizer }) }
      return measured(data, await trained(job))
    },
  }
}

const adaptive = 'beta1=0.9,beta2=0.999,tau=1e-8'

export const heart: Study = {
  name: 'heart',
  title: "FLamby's heart disease: four hospitals",
  about: `Logistic regression on ${hospitals.join(', ')}: 303, 261, 46 and 130 patients of UCI's heart disease data with a value in each column that FLamby uses; 66 % of each hospital are for training, drawn anew by each seed. As in FLamby: ${rounds} rounds of ${updates} local steps on batches of ${batch}, plain SGD; learning rates 10⁻³, and 10⁻² with FedAdam and FedYogi; rates of the adaptive servers 10⁻², and 10⁻¹ for FedAdagrad, for which 10⁻² is too small; pooled training by 50 epochs of Adam, 10⁻³. Features are standardised by the hospital's training set; for pooled training by all training sets. Otherwise than in FLamby: its one split by scikit-learn isn't repeated, each text of a column is a feature of its own (${features} features), and SCAFFOLD has the learning rates and the weights of FedAvg. Accuracies are of the test sets, of all hospitals together and of each. Published: pooled accuracies of FLamby's benchmark, of one split.`,
  seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  tables: [
    {
      name: 'accuracy',
      title: 'Accuracy',
      columns: [
        percent('pooled', {
          FedAvg: '74.8',
          FedProx: '74.8',
          SCAFFOLD: '74.8',
          FedAdam: '77.9',
          FedYogi: '77.9',
          FedAdagrad: '77.9',
          'pooled training': '79.5',
        }),
        ...hospitals.map((name) => percent(name)),
      ],
      trials: [
        trial('FedAvg', 'fedavg', 1e-3),
        trial('FedProx', 'fedprox,mu=0.1', 1e-3),
        trial('SCAFFOLD', 'scaffold,weighting=samples', 1e-3),
        trial('FedAdam', `fedadam,eta=0.01,${adaptive}`, 1e-2),
        trial('FedYogi', `fedyogi,eta=0.01,${adaptive}`, 1e-2),
        trial('FedAdagrad', `fedadagrad,eta=0.1,${adaptive}`, 1e-3),
        {
          row: 'pooled training',
          async run({ seed, quick }) {
            const data = await standardisedSplit(seed, 'all')
            const settings = quick ? { epochs: 20 } : {}
            return measured(data, await trained({ workload: pooled(data), settings, seed }))
          },
        },
      ],
    },
  ],
}
