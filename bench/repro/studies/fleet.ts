import { choicesOf } from '../../../sdk/index.ts'
import { behaviourFrom, figuresOf, simulate } from '../../../simulations/index.ts'
import { percent, type Study, type Trial } from '../series/study.ts'

const workload = new URL('./images.workload.js', import.meta.url)
const devices = 100_000
const settings = {
  model: '2nn',
  partition: 'draw:20-600:dirichlet:0.5',
  test: 2_000,
  batch: 10,
  learningRate: 0.05,
  rounds: 100_000,
}
const quickSettings = { training: 2_000, test: 500, partition: 'draw:20-60' }
const behaviour = {
  availability: 'diurnal',
  speed: 'lognormal:20,1',
  download: 'lognormal:1e6,1',
  upload: 'lognormal:250e3,1',
  dropout: '0.05',
}
const hours = 0.5
/** Virtual hours of the runs that compare selectors alone. */
const selectorHours = 1 / 6
const curveHours = 1 / 60
/** Virtual hours of the values of a curve. */
const curveAt = Array.from({ length: Math.round(hours / curveHours) }, (_, index) => (index + 1) * curveHours)
/** Devices that work at a time, and the updates of a round or a version. */
const [concurrency, updates, buffer] = [130, 100, 10]
const targets = [0.9, 0.95]

const rows = {
  FedBuff: { optimizer: `fedbuff,bufferSize=${buffer},concurrency=${concurrency}` },
  'FedAvg, over-commitment': { selector: `over-commitment,k=${updates},o=${concurrency / updates}` },
  'FedAvg, Oort': { selector: `oort,aggr_num=${updates}` },
} as const

function trial(row: keyof typeof rows, horizon: number): Trial {
  return {
    row,
    async run({ seed, quick }) {
      const run = await simulate(workload, {
        devices,
        seed,
        settings: { ...settings, ...(quick ? quickSettings : {}) },
        algorithms: choicesOf(rows[row]),
        behaviour: behaviourFrom(behaviour, { seed }),
        hours: quick ? horizon / 20 : horizon,
        keep: { last: 1 },
      })
      const { state, cause, history } = await run.result
      if (state === 'failed') throw cause
      const { to, after, last, counted, wasted, lost, received, sent } = figuresOf(history, {
        at: curveAt,
        to: targets,
      })
      const reached = targets.flatMap((target, index) => {
        const minutes = 60 * (to[index] ?? Number.NaN)
        return Number.isNaN(minutes) ? [] : [[minutesName(target), minutes] as const]
      })
      const ended = after.findLastIndex((accuracy) => !Number.isNaN(accuracy)) + 1
      return {
        values: {
          ...Object.fromEntries(reached),
          'accuracy at the end': last,
          counted,
          'wasted and lost': wasted + lost,
          GB: (received + sent) / 1e9,
        },
        ...(horizon === hours && { curves: { accuracy: after.slice(0, ended).map((accuracy) => accuracy || 0) } }),
      }
    },
  }
}

function minutesName(target: number): string {
  return `minutes to ${100 * target} %`
}

const number = (name: string) => ({ name, unit: 'number' as const })

export const fleet: Study = {
  name: 'fleet',
  title: 'A fleet of 100,000 phones: FedBuff and FedAvg by virtual time',
  about: `The 2NN on MNIST; each of ${devices} devices has 20 to 600 pictures, drawn with replacement by a label distribution of its own (Dirichlet 0.5). One epoch of SGD on batches of ${settings.batch}, learning rate ${settings.learningRate}. Devices are available by day and night (\`diurnal\`), train ${behaviour.speed.replace('lognormal:', '')} (median and σ of a log-normal distribution) pictures a second, receive ${behaviour.download.replace('lognormal:', '')} and send ${behaviour.upload.replace('lognormal:', '')} bytes a second, and give up a work with probability ${behaviour.dropout}. ${concurrency} devices work at a time: FedBuff steps after ${buffer} updates; FedAvg asks ${concurrency} devices and closes a round at ${updates} updates, uniformly random devices or those that Oort prefers. Accuracy on ${settings.test} pictures of the test set, in ${60 * hours} virtual minutes.

FedBuff's authors (Nguyen et al., AISTATS 2022) report up to 3.3 times the speed of synchronous training, and Papaya's (Huba et al., MLSys 2022) 5 times at the largest concurrency. The factor follows from how unevenly devices work: a synchronous round takes as long as the last of the updates that close it, while a version of a buffer takes a tenth of that, and its staleness here is about ${concurrency / buffer} versions. Speeds of σ = 1 are a wide spread.

Oort reached 90 % before random devices did in each of five seeds, after 4.8, 7.2, 6.1, 6.8 and 6.5 minutes beside 5.2, 8.4, 7.7, 7.8 and 8.4; and 95 % after 17, 28 and 25 minutes with the seeds 1 to 3, where random devices needed 26 with seed 1 and didn't reach it with the others. It prefers devices that answer in time, and so closes nearly twice as many rounds.`,
  seeds: [1, 2, 3, 4, 5],
  tables: [
    {
      name: 'hours',
      title: 'Accuracy by virtual time',
      curveHours,
      columns: [
        ...targets.map((target) => number(minutesName(target))),
        percent('accuracy at the end'),
        ...['counted', 'wasted and lost', 'GB'].map(number),
      ],
      trials: [trial('FedBuff', hours), trial('FedAvg, over-commitment', hours), trial('FedAvg, Oort', hours)],
    },
    {
      name: 'selectors',
      title: `Oort beside random devices, in ${60 * selectorHours} virtual minutes`,
      columns: [
        number(minutesName(0.9)),
        percent('accuracy at the end'),
        ...['counted', 'wasted and lost'].map(number),
      ],
      trials: [trial('FedAvg, over-commitment', selectorHours), trial('FedAvg, Oort', selectorHours)],
    },
  ],
}
