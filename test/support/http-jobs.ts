import { readFile } from 'node:fs/promises'
import { twoTier } from '../../sdk/index.ts'
import { type ApiStage, codeForm } from './api-stage.ts'
import { twoTierCode, twoTierSchema, zipped } from './stored-job.ts'

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

const trivial = new URL('../../../examples/trivial/workload.ts', import.meta.url)

/** Calls a server's API, and answers with the decoded body. Rejects if the server refuses. */
export type Call = (method: string, path: string, body?: unknown) => Promise<unknown>

/** Makes calls of the API at a URL, with a token if one is given. */
export function callsTo(url: string, token?: string): Call {
  return async (method, path, body) => {
    const isForm = body instanceof FormData
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? null : JSON.parse(text)
  }
}

/** Creates a ready job of the trivial example, or of another workload, with a design of its own. Answers with the job's path. */
export async function trivialJob(
  call: Call,
  {
    job,
    clients,
    rounds,
    realms = ['default'],
    workload = trivial,
    hyperparameters = { fraction: 0.5 },
  }: {
    readonly job: string
    readonly clients: number
    readonly rounds: number
    /** Realms of the clients' datasets, in turn. */
    readonly realms?: readonly string[]
    readonly workload?: URL
    readonly hyperparameters?: Readonly<Record<string, unknown>>
  },
): Promise<string> {
  const design = `/users/u/designs/${job}`
  await call('POST', '/users/u/designs', { id: job })
  await call('POST', `${design}/schema`, twoTier({ clients }).schema)
  const code = zipped({ 'top-aggregator/README': '-', 'trainer/workload.ts': await readFile(workload, 'utf8') })
  await call('POST', `${design}/code`, codeForm(code))
  const ids: string[] = []
  for (const realm of realms)
    ids.push(String(await call('POST', '/users/u/datasets', { url: 'file:///any', dataFormat: 'none', realm })))
  await call('POST', '/users/u/jobs', {
    id: job,
    designId: job,
    backend: 'ws',
    dataSpec: [
      {
        role: 'trainer',
        datasetGroups: { default: Array.from({ length: clients }, (_, client) => ids[client % ids.length] ?? '') },
      },
    ],
    modelSpec: { hyperparameters: { rounds, ...hyperparameters } },
  })
  return `/users/u/jobs/${job}`
}

/** Waits until a job is in one of these states. */
export async function reached(call: Call, job: string, ...states: readonly string[]): Promise<string> {
  for (;;) {
    const status = await call('GET', `${job}/status`)
    const state = typeof status === 'object' && status !== null && 'state' in status ? String(status.state) : ''
    if (states.includes(state)) return state
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
