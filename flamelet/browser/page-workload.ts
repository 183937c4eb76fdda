import {
  type Examples,
  type HostedJob,
  type InMemoryData,
  inlinePool,
  inMemoryExamples,
  type PoolPlan,
  type SiteWorkload,
  type TrainingPool,
  type Workload,
} from '../../sdk/index.ts'
import { pageError } from './errors.ts'
import type { OnProgress } from './progress.ts'

/** Examples that are in the page, as plain arrays. */
export type PageDataset = InMemoryData

/** The dataset that stands for those that a page doesn't name. */
const anyDataset = '*'

/** The datasets of a page, by name. Absent: the workload's own `data` has them. */
export type PageDatasets = Readonly<Record<string, PageDataset>> | undefined

/** Whether a task may train on a dataset here. */
export function hasDataset(datasets: PageDatasets, name: string): boolean {
  return datasets === undefined || Object.hasOwn(datasets, name) || Object.hasOwn(datasets, anyDataset)
}

/** A job's workload as the page runs it: with the page's data, in this thread. PAGE_WORKLOAD if the job has another. */
export function pageWorkload(
  flamelet: string,
  workload: Workload,
  datasets: PageDatasets,
  job: HostedJob,
  onProgress: OnProgress,
): SiteWorkload {
  if (job.workload !== undefined && job.workload !== workload.name)
    throw pageError('PAGE_WORKLOAD', { flamelet, job: job.id, expected: job.workload, has: workload.name })
  return {
    workload,
    ...(datasets && { paths: Object.fromEntries(Object.keys(datasets).map((name) => [name, name])) }),
    async poolOf({ settings, seed, datasets: given }) {
      const here = datasets ? { ...workload, data: dataIn(workload, datasets, given) } : workload
      return told(await inlinePool(here, settings, seed, given), job, onProgress)
    },
  }
}

/** The workload's data, in which a client has the examples of the page's dataset of its name. */
function dataIn(
  workload: Workload,
  datasets: NonNullable<PageDatasets>,
  given: PoolPlan['datasets'],
): Workload['data'] {
  const held = new Map(
    Object.entries(datasets).map(([name, data]): [string, Examples] => [name, inMemoryExamples(data)]),
  )
  return async (...args) => {
    const whole = await workload.data(...args)
    return {
      ...whole,
      client: (index) =>
        held.get(given?.ofClients?.[index] ?? String(index)) ?? held.get(anyDataset) ?? whole.client(index),
    }
  }
}

/** A pool that tells of each training. */
function told(pool: TrainingPool, { id: job }: HostedJob, onProgress: OnProgress): TrainingPool {
  return {
    ...pool,
    async train(request) {
      const { end, round } = request
      onProgress({ type: 'training', job, end, round })
      const update = await pool.train(request)
      onProgress({ type: 'trained', job, end, round, samples: update.samples, metrics: update.metrics ?? {} })
      return update
    },
  }
}
