import type { ApiStage } from './api-stage.ts'
import { codeForm } from './api-stage.ts'
import { twoTierCode, twoTierSchema } from './catalogue-stage.ts'

export interface StagedTask {
  readonly taskId: string
  readonly role: string
  readonly computeId: string
}

export interface StagedJob {
  readonly job: string
  readonly tasks: readonly StagedTask[]
}

/** A job over HTTP: its aggregator on compute `default`, a trainer on compute `c1`, of region `eu` and key `secret`. */
export async function stagedJob(api: ApiStage, change: object = {}): Promise<StagedJob> {
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

/** The keys of a staged job's tasks, as its computes read them. */
export async function keysOf(api: ApiStage, job: string): Promise<Readonly<Record<string, string>>> {
  const read = async (compute: string) => {
    const path = `/computes/${compute}/deployments/${job}/config`
    return Object((await api.call('GET', path, undefined, { 'x-api-key': 'secret' })).body).agentKVs
  }
  return { ...(await read('c1')), ...(await read('default')) }
}
