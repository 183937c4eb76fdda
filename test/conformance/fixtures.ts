import { strToU8, zipSync } from 'fflate'
import type { Stage } from './stage.ts'

/** Go's JSON of a time that was never set. */
const zeroTime = '0001-01-01T00:00:00Z'

/** Bodies as Go writes them, with zero values for unset fields. */
export const go = {
  designInfo: (fields: object) => ({ id: '', name: '', description: '', userId: '', ...fields }),
  datasetInfo: (fields: object) => ({
    ...{ id: '', name: '', description: '', userId: '', computeId: '', isPublic: false },
    ...{ url: 'file:///data.csv', dataFormat: 'csv', realm: 'default' },
    ...fields,
  }),
  jobSpec: (fields: object) => ({
    ...{ id: '', userId: '', name: '', designId: 'd', schemaRevision: 0, codeRevision: 0, priority: '' },
    ...{ backend: 'mqtt', maxRunTime: 0, dataSpec: [] },
    modelSpec: {
      ...{ baseModel: { name: '', version: 0 }, optimizer: {}, selector: {}, hyperparameters: {} },
      dependencies: null,
    },
    ...fields,
  }),
  jobStatus: (fields: object) => ({
    ...{ id: '', name: '', createdAt: zeroTime, startedAt: zeroTime, updatedAt: zeroTime, endedAt: zeroTime },
    ...fields,
  }),
  taskStatus: (fields: object) => ({ log: '', timestamp: zeroTime, ...fields }),
}

export const twoTier = {
  name: 'two-tier',
  description: '',
  roles: [
    { name: 'aggregator', description: '', isDataConsumer: false, replica: 0, groupAssociation: null },
    { name: 'trainer', description: '', isDataConsumer: true, replica: 0, groupAssociation: null },
  ],
  channels: [
    {
      name: 'param',
      description: '',
      pair: ['aggregator', 'trainer'],
      groupBy: { type: '', value: null },
      funcTags: { aggregator: ['distribute', 'aggregate'], trainer: ['fetch', 'upload'] },
      backend: '',
      brokerHost: '',
      isUnidirectional: false,
    },
  ],
  connectors: null,
  revision: 0,
}

export function archive(...paths: readonly string[]): Uint8Array {
  return zipSync(Object.fromEntries(paths.map((path) => [path, strToU8(`// ${path}\n`)])))
}

export const twoTierCode = archive('aggregator/main.py', 'trainer/main.py')

export function codeForm(bytes: Uint8Array, fileName = 'code.zip'): FormData {
  const form = new FormData()
  form.set('fileName', fileName)
  form.set('fileData', new Blob([Uint8Array.from(bytes)]), fileName)
  return form
}

export const apiKey = 'secret'
export const withKey = { headers: { 'X-API-KEY': apiKey } }

export const compute = (computeId: string, region = 'eu') => ({ computeId, region, adminId: 'admin', apiKey })

export const jobOn = (...datasets: readonly string[]) =>
  go.jobSpec({ dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets } }] })

/** Makes a design `d` of user `u`, compute `c1`, and two datasets: one on any compute, one on `c1`. */
export async function prepared({ call }: Stage): Promise<readonly [string, string]> {
  const create = async (path: string, body: unknown) => {
    const created = await call('POST', path, { body })
    if (created.status !== 201) throw new Error(`POST ${path} was answered ${created.status}: ${created.body}`)
    return String(created.body)
  }
  await create('/computes', compute('c1'))
  await create('/users/u/designs', go.designInfo({ id: 'd' }))
  await create('/users/u/designs/d/schema', twoTier)
  await create('/users/u/designs/d/code', codeForm(twoTierCode))
  const anywhere = await create('/users/u/datasets', go.datasetInfo({}))
  return [anywhere, await create('/users/u/datasets', go.datasetInfo({ realm: 'c1' }))]
}

/** Makes the same, and a job on both datasets. Answers with the job's id. */
export async function preparedJob(stage: Stage): Promise<string> {
  const created = await stage.call('POST', '/users/u/jobs', { body: jobOn(...(await prepared(stage))) })
  return String(Object(created.body).id)
}
