import { z } from 'zod'
import { registryError } from '../errors.ts'
import type { Lineage } from '../registry.ts'
import { anyAnswer, type MlflowClient } from './mlflow-client.ts'

/** MLflow's own limits of one request. */
const mostMetrics = 1000
const mostParams = 100
/** MLflow's own limits of texts. */
const mostKeyCharacters = 250
const mostValueCharacters = 6000

/** The run of a job in MLflow. */
export interface MlflowRun {
  readonly id: string
  /** Place of the run's artifacts. */
  readonly artifacts: string
  /** Adds a round's metrics, under the round as step; each once, also when the round is logged again. */
  log(lineage: Lineage): Promise<void>
}

const pair = z.object({ key: z.string(), value: z.string() })
const measured = z.object({ key: z.string(), timestamp: z.coerce.number(), step: z.coerce.number().default(0) })
const runSchema = z.object({
  info: z.object({ run_id: z.string(), artifact_uri: z.string() }),
  data: z.object({ metrics: z.array(measured).default([]), params: z.array(pair).default([]) }).default({
    metrics: [],
    params: [],
  }),
})
const experimentSchema = z.object({
  experiment: z.object({ experiment_id: z.string(), lifecycle_stage: z.string().default('active') }),
})

/**
 * Finds the run of a job by its tag `flame.job`, or makes the run, in the experiment of the job's design. A job without a
 * design has the experiment of its workload.
 */
export async function mlflowRun(client: MlflowClient, lineage: Lineage, now: () => number): Promise<MlflowRun> {
  const experiment = await experimentId(client, client.address.prefix + (lineage.design ?? lineage.workload))
  const run = (await foundRun(client, experiment, lineage.job)) ?? (await newRun(client, experiment, lineage, now()))
  const { run_id: id, artifact_uri: artifacts } = run.info
  await logParams(client, id, lineage, new Set(run.data.params.map(({ key }) => key)))
  /** By metric: the latest step, and its time. */
  const latest = new Map(run.data.metrics.map(({ key, step, timestamp }) => [key, { step, timestamp }]))

  /** A metric with the same step, time and value is the same for MLflow, so a round is logged again with its first time. */
  async function timeOf(key: string, step: number): Promise<number> {
    const known = latest.get(key)
    if (known?.step === step) return known.timestamp
    if (!known || known.step < step) return now()
    const history = await client.call({
      method: 'GET',
      path: 'metrics/get-history',
      fields: { run_id: id, metric_key: key },
      answer: z.object({ metrics: z.array(measured).default([]) }),
    })
    return history.metrics.find((one) => one.step === step)?.timestamp ?? now()
  }

  return {
    id,
    artifacts,
    async log({ round: step, part, metrics }) {
      const named = new Map(
        Object.entries(metrics).map(([name, value]) => [
          metricKey(part === undefined ? name : `${part}/${name}`),
          Number.isFinite(value) ? value : String(value),
        ]),
      )
      const [first] = named.keys()
      if (first === undefined) return
      const timestamp = await timeOf(first, step)
      const all = [...named].map(([key, value]) => ({ key, value, step, timestamp }))
      for (let from = 0; from < all.length; from += mostMetrics) {
        const fields = { run_id: id, metrics: all.slice(from, from + mostMetrics) }
        await client.call({ method: 'POST', path: 'runs/log-batch', fields, answer: anyAnswer })
      }
      for (const key of named.keys()) if ((latest.get(key)?.step ?? -1) < step) latest.set(key, { step, timestamp })
    },
  }
}

async function experimentId(client: MlflowClient, name: string): Promise<string> {
  const find = () =>
    client.attempt({
      method: 'GET',
      path: 'experiments/get-by-name',
      fields: { experiment_name: name },
      answer: experimentSchema,
    })
  let found = await find()
  if (found.refusal) {
    // Another process may make the experiment at the same time.
    await client.attempt({ method: 'POST', path: 'experiments/create', fields: { name }, answer: anyAnswer })
    found = await find()
  }
  if (found.answer?.experiment.lifecycle_stage === 'active') return found.answer.experiment.experiment_id
  const { location } = client.address
  throw registryError('REGISTRY_MISSING', { location, kind: 'active experiment', name })
}

async function foundRun(client: MlflowClient, experiment: string, job: string) {
  const { runs } = await client.call({
    method: 'POST',
    path: 'runs/search',
    fields: {
      experiment_ids: [experiment],
      filter: `tags.\`flame.job\` = '${client.address.prefix}${job}'`,
      order_by: ['attributes.start_time ASC'],
      max_results: 1,
    },
    answer: z.object({ runs: z.array(runSchema).default([]) }),
  })
  return runs[0]
}

async function newRun(client: MlflowClient, experiment: string, { job }: Lineage, startTime: number) {
  const name = client.address.prefix + job
  const { run } = await client.call({
    method: 'POST',
    path: 'runs/create',
    fields: {
      experiment_id: experiment,
      run_name: name,
      start_time: startTime,
      tags: [
        { key: 'flame.job', value: name },
        { key: 'mlflow.source.name', value: 'flame-fl' },
      ],
    },
    answer: z.object({ run: runSchema }),
    mayRepeat: false,
  })
  // A registry doesn't hear of a job's end, and a finished run takes metrics as well.
  const fields = { run_id: run.info.run_id, status: 'FINISHED', end_time: startTime }
  await client.call({ method: 'POST', path: 'runs/update', fields, answer: anyAnswer })
  return run
}

/** What holds for all rounds of a job. MLflow refuses to change a parameter, so those that are known stay. */
async function logParams(
  client: MlflowClient,
  id: string,
  lineage: Lineage,
  known: ReadonlySet<string>,
): Promise<void> {
  const { job, workload, design, seed, algorithm, arithmetic } = lineage
  const given = {
    ...{ job, workload, design, seed, algorithm: algorithm?.name },
    ...{ engine: arithmetic?.engine, products: arithmetic?.products },
    ...Object.fromEntries(
      Object.entries(algorithm?.settings ?? {}).map(([name, value]) => [`algorithm.${name}`, value]),
    ),
    ...Object.fromEntries(
      Object.entries(arithmetic?.quantumBits ?? {}).map(([name, bits]) => [`quantumBits.${name}`, bits]),
    ),
  }
  const params = Object.entries(given).flatMap(([name, value]) => {
    const key = metricKey(name)
    if (value === undefined || known.has(key)) return []
    return [{ key, value: String(value).slice(0, mostValueCharacters) }]
  })
  for (let from = 0; from < params.length; from += mostParams) {
    const fields = { run_id: id, params: params.slice(from, from + mostParams) }
    await client.call({ method: 'POST', path: 'runs/log-batch', fields, answer: anyAnswer })
  }
}

/** A name as MLflow takes it: other characters, and steps of a path that lead elsewhere, become underscores. */
export function metricKey(name: string): string {
  const steps = name.replace(/[^\w.\- :/]/g, '_').split('/')
  const sound = steps.map((step) => (step === '' || /^\.+$/.test(step) ? `${step.replaceAll('.', '_') || '_'}` : step))
  return sound.join('/').slice(0, mostKeyCharacters)
}
