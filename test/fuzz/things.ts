import { strToU8, zipSync } from 'fflate'

/** The things that one operation is tried on, in the form that test/fuzz/hooks.py reads. */
export interface Things {
  readonly parameters: Readonly<Record<string, string>>
  /** The task's key. */
  readonly key: string
  /** Fields of bodies that refer to other things. */
  readonly fields: Readonly<Record<string, string>>
  /** A whole body that succeeds, if the operation takes JSON. */
  readonly body?: unknown
}

const schema = {
  name: 'two-tier',
  roles: [{ name: 'aggregator' }, { name: 'trainer', isDataConsumer: true }],
  channels: [{ name: 'param', pair: ['aggregator', 'trainer'] }],
}
const code = zipSync({ 'aggregator/index.js': strToU8('//'), 'trainer/index.js': strToU8('//') })
/** Key of every compute. */
export const apiKey = 'secret'

/**
 * Makes a design, a dataset, a compute and a job with tasks, for one operation alone. Rejects if the server refuses one
 * of them.
 */
export async function makeThings(url: string, operation: string): Promise<Things> {
  const user = `u-${operation}`
  const [designId, datasetId, computeId, jobId] = ['d', `ds-${operation}`, `c-${operation}`, `j-${operation}`]
  // A compute that a dataset is bound to can't be removed.
  const realm = operation === 'deleteCompute' ? 'default' : computeId
  const dataset = { url: 'file:///a', dataFormat: 'csv', realm }
  const job = { designId, backend: 'mqtt', dataSpec: [{ role: 'trainer', datasetGroups: { default: [datasetId] } }] }
  const form = new FormData()
  form.set('fileName', 'code.zip')
  form.set('fileData', new Blob([Uint8Array.from(code)]), 'code.zip')
  const send = async (path: string, body: unknown) => {
    const json = body instanceof FormData ? {} : { headers: { 'content-type': 'application/json' } }
    const sent = body instanceof FormData ? body : JSON.stringify(body)
    const answer = await fetch(url + path, { method: 'POST', body: sent, ...json })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`POST ${path} was answered ${answer.status}: ${text}`)
  }
  await send('/computes', { computeId, apiKey, adminId: 'admin', region: 'eu' })
  await send(`/users/${user}/designs`, { id: designId })
  await send(`/users/${user}/designs/${designId}/schema`, schema)
  await send(`/users/${user}/designs/${designId}/code`, form)
  await send(`/users/${user}/datasets`, { ...dataset, id: datasetId })
  await send(`/users/${user}/jobs`, { ...job, id: jobId })
  const path = `/computes/${computeId}/deployments/${jobId}/config`
  const { agentKVs = {} } = Object(await (await fetch(url + path, { headers: { 'x-api-key': apiKey } })).json())
  const [[taskId, key] = ['none', 'none']] = Object.entries<string>(agentKVs)
  const bodies: Readonly<Record<string, unknown>> = {
    createDesignSchema: schema,
    updateDesignSchema: schema,
    createDataset: dataset,
    updateDataset: dataset,
    createJob: job,
    updateJob: job,
    updateJobStatus: { state: 'starting' },
    updateTaskStatus: { state: 'running' },
    putDeploymentStatus: { [taskId]: 'agentDeploySuccess' },
  }
  return {
    parameters: { user, designId, datasetId, computeId, jobId, taskId },
    key,
    fields: { designId, realm },
    ...(bodies[operation] === undefined ? {} : { body: bodies[operation] }),
  }
}
