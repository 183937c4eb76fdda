import { CodedError } from '../../runtime/errors/index.ts'
import { decodeSafetensors, weightsOf } from '../../sdk/formats/index.ts'
import {
  datasetsOf,
  defaultSeed,
  type Examples,
  type GivenDatasets,
  jobProducts,
  type Layout,
  type Learner,
  type Predictions,
  randomStream,
  resolveSettings,
  type Settings,
  type Workload,
} from '../../sdk/index.ts'
import { initialWeightsFrom, loadWorkload, readCsv } from '../../sdk/node/index.ts'
import type { Connection } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import type { GivenSettings } from '../files/json-files.ts'

/** A model that a registry keeps, or the control plane of a job. */
export type KeptModel =
  | { readonly address: string }
  | { readonly job: string; readonly round: string; readonly part?: string }

/** A csv file, and its columns. */
export interface CsvColumns {
  readonly file: string
  readonly id?: string | number
  readonly label?: string | number
  readonly features?: readonly (string | number)[]
  readonly delimiter?: string
  readonly header?: boolean
}

interface PredictRequest {
  readonly model: KeptModel
  readonly connect: () => Promise<Connection>
  readonly given: GivenSettings
  readonly datasets: GivenDatasets
  /** Absent: the workload's test set. */
  readonly csv: CsvColumns | undefined
}

/** Predictions for examples. */
export interface Predicted {
  readonly examples: Examples
  readonly predictions: Predictions
  /** Whether the examples have one label each. */
  readonly labelled: boolean
}

/**
 * Predicts with a workload's learner and the weights of a kept model.
 *
 * @throws PREDICT_UNABLE for a learner that doesn't predict, PREDICT_EMPTY, PREDICT_COLUMNS; WEIGHTS_MISMATCH for a model of other
 *   shapes; and the errors of the workload, of the model's place and of the reader of the examples.
 */
export async function predictWorkload(
  path: string,
  { model, connect, given, datasets, csv }: PredictRequest,
): Promise<Predicted> {
  const { workload } = await loadWorkload(path)
  const settings = resolveSettings(workload.settings, given.overrides)
  const learner = await workload.learner(settings)
  try {
    const unable = reasonAgainst(learner)
    if (unable !== undefined) throw flamectlError('PREDICT_UNABLE', { workload: workload.name, ...unable })
    const job = await jobProducts(learner, settings)
    const weights = await weightsIn(model, learner.layout, connect)
    const examples = csv
      ? await readCsv(csv.file, { label: false, ...csv })
      : await testSet(workload, settings, datasets)
    const of = csv ? csv.file : `the test set of workload ${workload.name}`
    if (examples.count === 0) throw flamectlError('PREDICT_EMPTY', { of })
    const predictions = await learner.predict?.(weights, examples, job && { products: job.products }).catch((cause) => {
      throw withColumns(cause, of)
    })
    if (!predictions) throw new TypeError('a learner that predicts gave no predictions')
    return { examples, predictions, labelled: !examples.unlabelled && !examples.targets }
  } finally {
    learner.dispose?.()
  }
}

function reasonAgainst({
  predict,
  adapters,
}: Learner): { readonly reason: string; readonly advice: string } | undefined {
  if (adapters)
    return {
      reason: 'it trains adapters of a frozen model, and kept models have them merged',
      advice: 'leave the adapters out by a setting, such as --set lora=0, and predict with the whole model',
    }
  if (predict) return undefined
  return { reason: 'it has no function predict', advice: 'write one, or make the learner by layersLearner' }
}

async function weightsIn(model: KeptModel, layout: Layout, connect: PredictRequest['connect']): Promise<Float32Array> {
  if ('address' in model) return initialWeightsFrom(model.address, layout)
  const { client, user } = await connect()
  const { job: jobId, round, part } = model
  const query = { format: 'safetensors' as const, ...(part !== undefined && { part }) }
  const { fileName, content } = await client.getModel({ user, jobId, round, query })
  const bytes = new Uint8Array(await new Response(content).arrayBuffer())
  return weightsOf(decodeSafetensors(bytes, fileName), layout, `round ${round} of job ${jobId}`)
}

/** The test set, as the workload's own reader gives it. */
async function testSet(workload: Workload, settings: Settings, datasets: GivenDatasets): Promise<Examples> {
  const { test } = await workload.data(settings, randomStream(defaultSeed, 'partition'), datasetsOf(datasets))
  return typeof test === 'function' ? test() : test
}

/** PREDICT_COLUMNS in place of LEARN_INPUT, whose hint is for the author of a model. */
function withColumns(cause: unknown, of: string): unknown {
  if (!(cause instanceof CodedError && cause.code === 'LEARN_INPUT')) return cause
  return flamectlError('PREDICT_COLUMNS', { of, expected: cause.values.expected, came: cause.values.came }, { cause })
}
