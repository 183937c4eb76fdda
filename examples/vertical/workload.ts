import {
  chosen,
  inMemoryExamples,
  join,
  type ModelFunction,
  type RandomStream,
  topologies,
  verticalLearner,
  verticalTraining,
  workload,
} from 'flame-fl/sdk'

/**
 * Three parties know different things of the same patients: a hospital their age, weight and whether they fell ill, a
 * laboratory the values of their blood, a pharmacy what they take. They train one model of the illness, in which each
 * party's part stays with the party. The data are drawn: 400 patients, of whom each party knows nine in ten.
 */
const columns = { hospital: 3, laboratory: 5, pharmacy: 4 }
const patients = 400
const shares = Object.values(columns)

const party =
  (features: number): ModelFunction =>
  ({ layers, sequential }) =>
    sequential({ layers: [layers.dense({ units: 4, activation: 'tanh', inputShape: [features] })] })

export default workload({
  name: 'vertical',
  settings: {
    rounds: 10,
    clients: shares.length,
    epochs: 1,
    batch: 16,
    learningRate: 0.3,
    topology: 'vertical',
    alignment: 'psi',
    absent: 'fail',
    heldOut: 0.25,
  },

  learner: ({ learningRate, epochs, batch }) =>
    verticalLearner({
      parties: shares.map(party),
      top: ({ layers, sequential }) =>
        sequential({
          layers: [
            layers.dense({ units: 8, activation: 'relu', inputShape: [4 * shares.length] }),
            layers.dense({ units: 2 }),
          ],
        }),
      loss: 'softmaxCrossEntropy',
      learningRate,
      epochs,
      batch,
    }),

  data(_, random) {
    const table = tableOf(random)
    const parties = shares.map((count, index) => {
      const from = shares.slice(0, index).reduce((sum, before) => sum + before, 0)
      const known = random.shuffle(Uint32Array.from({ length: patients }, (_, row) => row)).subarray(0, 0.9 * patients)
      return inMemoryExamples({
        features: Float32Array.from([...known].flatMap((row) => table.rows[row]?.slice(from, from + count) ?? [])),
        // Only the first party has labels, and reads them.
        labels: Uint8Array.from(known, (row) => (index === 0 ? (table.labels[row] ?? 0) : 0)),
        ids: Array.from(known, (row) => `patient-${row}`),
        shape: [count],
      })
    })
    // A table of all columns, for comparisons. No party has it, and the job doesn't read it.
    const whole = inMemoryExamples({
      features: Float32Array.from(table.rows.flat()),
      labels: table.labels,
      shape: [shares.reduce((sum, count) => sum + count, 0)],
    })
    return { clients: parties.length, client: (index) => parties[index] ?? join([]), test: whole }
  },

  topology: ({ clients, topology }) => chosen('topology', topology, topologies)({ clients }),
  strategy: ({ alignment, absent, heldOut }) => verticalTraining.from({ alignment, absent, heldOut }),
})

/** Draws the table. The illness follows from columns of all parties. */
function tableOf(random: RandomStream) {
  const width = shares.reduce((sum, count) => sum + count, 0)
  const rows = Array.from({ length: patients }, () => Array.from({ length: width }, () => 2 * random.uniform() - 1))
  const labels = rows.map((row) => {
    const [age = 0, , , iron = 0, sugar = 0, , , , dose = 0, other = 0] = row
    return Number(age + 1.5 * iron - sugar + 1.5 * dose - other + 0.3 * (random.uniform() - 0.5) > 0)
  })
  return { rows, labels }
}
