import { z } from 'zod'
import { inMemoryExamples } from '../../sdk/data/in-memory-examples.ts'
import {
  type ModelFunction,
  randomStream,
  stockRoles,
  type TrainingPool,
  verticalLearner,
  verticalTraining,
} from '../../sdk/index.ts'
import { commonRows, entitiesOf, hashedEntities, positionsIn } from '../../sdk/role/stock/vertical/alignment.ts'
import { vertical } from '../../sdk/tag/topologies.ts'
import { roleStage } from '../../sdk/testing/index.ts'
import { inlinePool } from '../../sdk/training/inline-pool.ts'
import { CaseError, numberOf, requireOnly, type VectorCase } from './cases.ts'

const array = z.array(z.number())
const ofAlignment = z.object({ parties: z.array(z.array(z.string())).min(2) })
const ofTraining = z.object({
  holders: z.array(z.object({ x: z.array(array), weights: array, units: z.number() })).min(1),
  labels: array,
  top: array,
})

/** What parties present of their ids by keyed hashes, and the common ids in the common order. */
export async function alignment(given: VectorCase): Promise<Record<string, unknown>> {
  requireOnly(given, 'method', 'hashed')
  const { parties } = ofAlignment.parse(given.inputs)
  const { key, job } = z.object({ key: z.string(), job: z.string() }).parse(given.settings)
  const presented = parties.map((ids) => hashedEntities(new TextEncoder().encode(key), ids))
  const [sent = [], ...others] = presented.map(({ entities }) => entitiesOf(entities))
  const common = Array.from(presented[0]?.order ?? []).filter((_, place) =>
    others.every((entities) => positionsIn(sent, entities, 'a party')[place] !== undefined),
  )
  const [ids = []] = parties
  return {
    sent: [sent, ...others],
    aligned: Array.from(commonRows(job, ids, common).rows, (row) => ids[row]),
  }
}

/** Runs a job of a label holder without features, and of feature holders with these columns, for one round. */
export async function verticalJob(given: VectorCase): Promise<Record<string, unknown>> {
  requireOnly(given, 'bottom', 'dense tanh')
  requireOnly(given, 'top', 'dense')
  requireOnly(given, 'loss', 'softmaxCrossEntropy')
  requireOnly(given, 'order', 'as given, not shuffled')
  const { holders, labels, top } = ofTraining.parse(given.inputs)
  if (holders.some(({ x }) => x.length !== labels.length))
    throw new CaseError('its holders have other rows than labels')
  const [outputs, units] = [numberOf(given, 'outputs'), holders.map((holder) => holder.units)]
  const ids = idsInOrder(labels.length)
  const tables = [{ x: labels.map((): number[] => []) }, ...holders].map(({ x }, party) =>
    inMemoryExamples({
      features: Float32Array.from(x.flat()),
      labels: party === 0 ? labels : labels.map(() => 0),
      ids,
      shape: [x[0]?.length ?? 0],
    }),
  )
  const [first] = tables
  if (!first) throw new CaseError('it has no party')
  const learner = verticalLearner({
    parties: [undefined, ...holders.map(({ x }, index) => dense(units[index] ?? 0, x[0]?.length ?? 0, 'tanh'))],
    top: dense(
      outputs,
      units.reduce((sum, one) => sum + one, 0),
    ),
    loss: 'softmaxCrossEntropy',
    learningRate: numberOf(given, 'learningRate'),
    epochs: numberOf(given, 'epochs'),
    batch: numberOf(given, 'batch'),
  })
  const weights = Float32Array.from([...top, ...holders.flatMap((holder) => holder.weights)])
  const data = { clients: tables.length, client: (index: number) => tables[index] ?? first, test: first }
  const started = { ...learner, initialWeights: async () => weights }
  const pool = await inlinePool(
    { learner: () => started, data: () => data },
    { rounds: 1, clients: data.clients },
    seed,
  )
  const seen = watched(pool, units)
  try {
    await using stage = roleStage({
      roles: stockRoles,
      topology: vertical({ parties: data.clients }),
      strategy: verticalTraining({ alignment: 'hashed', heldOut: 0 }),
      pool: seen.pool,
      rounds: 1,
    })
    const ends = ['label-holder-0', ...holders.map((_, index) => `feature-holder-${index}`)]
    for (const end of ends) {
      const ended = await stage.ended(end)
      if (ended.type === 'task-failed') throw ended.cause
    }
    const found = (section: number) => [
      ...(stage.published.find((record) => record.section === section)?.weights ?? []),
    ]
    return {
      firstBatch: seen.firstBatch,
      losses: seen.losses,
      holders: holders.map((_, index) => found(1 + index)),
      top: found(0),
    }
  } finally {
    await pool.close()
  }
}

const [seed, job] = [1, 'job-1']

/** Ids for which the first round's batches have the rows in the given order. */
function idsInOrder(count: number): string[] {
  const names = Array.from({ length: count }, (_, index) => `entity-${index}`)
  const { rows } = commonRows(job, names, names.keys())
  const order = randomStream(seed, 1, '', 'batches').shuffle(Uint32Array.from({ length: count }, (_, row) => row))
  return Array.from(order, (place) => names[rows[place] ?? 0] ?? '')
}

const dense =
  (units: number, inputs: number, activation: 'tanh' | 'linear' = 'linear'): ModelFunction =>
  ({ layers, sequential }) =>
    sequential({ layers: [layers.dense({ units, activation, inputShape: [inputs] })] })

/** The pool, with what passes through it: values and gradients of the first batch, by holder, and each batch's loss. */
function watched(pool: TrainingPool, units: readonly number[]) {
  const firstBatch: { readonly activations: number[][][]; readonly gradients: number[][][] } = {
    activations: [],
    gradients: [],
  }
  const losses: number[] = []
  const width = units.reduce((sum, one) => sum + one, 0)
  const pass: TrainingPool['pass'] = async (request) => {
    if (!pool.pass) throw new CaseError('the pool has no passes')
    const answer = await pool.pass(request)
    if ('loss' in answer) {
      if (losses.length === 0) {
        let column = 0
        for (const count of units) {
          firstBatch.gradients.push(rowsOf(answer.inputs, width).map((row) => row.slice(column, column + count)))
          column += count
        }
      }
      losses.push(answer.loss)
    }
    const holder = Number(request.end.split('-').at(-1))
    if ('values' in answer && request.label === 0)
      firstBatch.activations[holder] = rowsOf(answer.values, units[holder] ?? 1)
    return answer
  }
  return { pool: { ...pool, pass }, firstBatch, losses }
}

function rowsOf(values: Float32Array, width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, row) => [...values.subarray(row * width, (row + 1) * width)])
}
