import { seededScheduler, virtualClock } from '../../../../runtime/index.ts'
import { inMemoryExamples } from '../../../data/in-memory-examples.ts'
import type { ModelFunction } from '../../../layers/layers-learner.ts'
import { verticalLearner } from '../../../layers/vertical-learner.ts'
import type { Steps } from '../../../learn/steps.ts'
import { randomStream, streamFrom } from '../../../random/random-stream.ts'
import { verticalTraining } from '../../../strategy/algorithms/vertical/index.ts'
import { vertical } from '../../../tag/topologies.ts'
import { type Rehearsal, type RehearsalOptions, rehearse } from '../../../testing/index.ts'
import { inlinePool } from '../../../training/inline-pool.ts'
import type { PoolPass, TrainingPool } from '../../../training/training-pool.ts'
import { commonRows } from './alignment.ts'

/** A small table, divided among parties: each has some of its rows, in an order of its own, and some of its columns. */
export interface PartyTable {
  /** For each party: the number of its columns, and of its part's outputs. */
  readonly widths: readonly (readonly [columns: number, outputs: number])[]
  /** For each party: its rows of the table. */
  readonly known: readonly (readonly number[])[]
  readonly steps: Steps
  readonly seed: number
}

const seed = 1
const job = 'job-1'
const rowsTo = (end: number) => Array.from({ length: end }, (_, row) => row)

/** Three parties of 9, 10 and 11 rows, 8 of them common. */
export const three: PartyTable = {
  widths: [
    [2, 2],
    [3, 1],
    [1, 2],
  ],
  known: [rowsTo(9), [9, ...rowsTo(8), 10].toReversed(), [11, 12, ...rowsTo(8), 13]],
  steps: { learningRate: 0.3, epochs: 2, batch: 3 },
  seed: 3,
}

const dense =
  (units: number, inputs: number): ModelFunction =>
  ({ layers, sequential }) =>
    sequential({ layers: [layers.dense({ units, activation: 'tanh', inputShape: [inputs] })] })

export function learnerOf({ widths, steps }: Pick<PartyTable, 'widths' | 'steps'>) {
  const values = widths.reduce((sum, [, outputs]) => sum + outputs, 0)
  return verticalLearner({
    ...steps,
    parties: widths.map(([columns, outputs]) => (columns === 0 ? undefined : dense(outputs, columns))),
    top: ({ layers, sequential }) => sequential({ layers: [layers.dense({ units: 2, inputShape: [values] })] }),
    loss: 'softmaxCrossEntropy',
  })
}

const idOf = (row: number) => `entity-${row}`

const columnsBefore = ({ widths }: PartyTable, party: number) =>
  widths.slice(0, party).reduce((sum, [columns]) => sum + columns, 0)

function examplesOf(table: PartyTable, rows: readonly number[], from: number, columns: number) {
  const cell = (row: number, column: number) => randomStream(table.seed, row, column).uniform() - 0.5
  return inMemoryExamples({
    features: Float32Array.from(rows.flatMap((row) => rowsTo(columns).map((index) => cell(row, from + index)))),
    labels: rows.map((row) => randomStream(table.seed, row, 'label').below(2)),
    ids: rows.map(idOf),
    shape: [columns],
  })
}

/** The pool of a job on this table, with a call before each pass, which may throw or wait. */
export async function partyPool(
  table: PartyTable,
  before: (pass: PoolPass) => void | Promise<void> = () => {},
): Promise<TrainingPool> {
  const parties = table.widths.map(([columns], party) =>
    examplesOf(table, table.known[party] ?? [], columnsBefore(table, party), columns),
  )
  const none = examplesOf(table, [0], 0, 1)
  const workload = {
    learner: () => learnerOf(table),
    data: () => ({ clients: parties.length, client: (index: number) => parties[index] ?? none, test: none }),
  }
  const pool = await inlinePool(workload, { rounds: 1, clients: parties.length }, seed)
  return {
    ...pool,
    async pass(request) {
      await before(request)
      if (!pool.pass) throw new Error('the pool has no passes')
      return pool.pass(request)
    },
  }
}

/** The rows that all parties know, in the common order. */
export function commonOf({ known }: Pick<PartyTable, 'known'>): readonly number[] {
  const common = (known[0] ?? []).filter((row) => known.every((rows) => rows.includes(row)))
  return Array.from(commonRows(job, common.map(idOf), common.keys()).rows, (index) => common[index] ?? -1)
}

/** The weights after each round of central training on the joined table, with the same batches. */
export async function central(table: PartyTable, rounds: number, heldOut = 0): Promise<readonly Float32Array[]> {
  const learner = learnerOf(table)
  const common = commonOf(table)
  const rows = common.slice(0, common.length - Math.floor(heldOut * common.length))
  const examples = examplesOf(table, rows, 0, columnsBefore(table, table.widths.length))
  const after = [await learner.initialWeights(randomStream(seed, 'initial-weights'))]
  for (let round = 1; round <= rounds; round++) {
    const weights = after.at(-1) ?? new Float32Array()
    const random = streamFrom(() => stream.uint32())
    const stream = randomStream(seed, round, '', 'batches')
    let isShuffled = false
    // A round passes over the same batches in each epoch.
    const once = (items: Uint32Array) => {
      if (!isShuffled) stream.shuffle(items)
      isShuffled = true
      return items
    }
    const { delta } = await learner.train({ weights, examples, random: Object.assign(random, { shuffle: once }) })
    after.push(weights.map((value, index) => value + (delta[index] ?? 0)))
  }
  return after.slice(1)
}

/** Order of messages and time by a seed. */
export const seeded = (number: number) => ({ scheduler: seededScheduler(number), clock: virtualClock() })

/** The same secret at all tasks, so that presented entities don't differ between runs. */
export const drawSecret = () => Uint8Array.from({ length: 32 }, (_, index) => 7 * index)

/** Runs a job of these parties. By default by keyed hashes, which take less time. */
export async function rehearseParties(table: PartyTable, options: Partial<RehearsalOptions> = {}): Promise<Rehearsal> {
  return rehearse({
    topology: vertical({ parties: table.widths.length }),
    strategy: verticalTraining({ alignment: 'hashed', heldOut: 0.25 }),
    pool: options.pool ?? (await partyPool(table)),
    seed,
    drawSecret,
    ...options,
  })
}

/** Models by part and round with their hashes, sorted. A round that was interrupted may be told twice. */
export function modelsOf({ rounds }: Pick<Rehearsal, 'rounds'>): readonly string[] {
  return [...new Set(rounds.map(({ round, part, hash }) => `${part} ${round} ${hash}`))].toSorted()
}
