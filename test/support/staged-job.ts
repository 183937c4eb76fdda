import { type ApiStage, codeForm } from './api-stage.ts'
import { twoTierCode, twoTierSchema } from './stored-job.ts'

export interface StagedTask {
  readonly taskId: string
  readonly role: string
  readonly computeId: string
}

export interface StagedJob {
  readonly job: string
  readonly tasks: readonly StagedTask[]
}

/**
 * Creates a job over HTTP, with its aggregator on compute `default`, and a trainer on compute `c1` of region `eu` and
 * key `secret`.
 */
export async function stagedJob(api: Pick<ApiStage, 'call'>, change: object = {}): Promise<StagedJob> {
  const design = '/users/u/designs/d'
  for (const computeId of ['c1', 'default'])
    await api.call('POST', '/computes', { computeId, region: 'eu', adminId: 'admin', apiKey: 'secret' })
  await api.call('POST', '/users/u/designs', { id: 'd' })
  await api.call('POST', `${design}/schema`, twoTierSchema)
  await api.call('POST', `${design}/code`, codeForm(twoTierCode))
  const dataset = { url: 'file:///0', dataFormat: 'csv', realm: 'c1' }
  const { body: id } = await api.call('POST', '/users/u/datasets', dataset)
  const created = await api.call('POST', '/users/u/jobs', {
    designId: 'd',
    backend: 'mqtt',
    dataSpec: [{ role: 'trainer', datasetGroups: { default: [id] } }],
    ...change,
  })
  const job = String(Object(created.body).id)
  return { job, tasks: Object(await api.call('GET', `/users/u/jobs/${job}/tasks`)).body }
}

/** Reads the keys of a job's tasks from these computes, each of which has the key `secret`. */
export async function keysOf(
  api: Pick<ApiStage, 'call'>,
  job: string,
  computes: readonly string[] = ['c1', 'default'],
): Promise<Readonly<Record<string, string>>> {
  const configs = await Promise.all(
    computes.map((compute) =>
      api.call('GET', `/computes/${compute}/deployments/${job}/config`, undefined, { 'x-api-key': 'secret' }),
    ),
  )
  return Object.assign({}, ...configs.map(({ body }) => Object(body).agentKVs))
}
