import { readFile } from 'node:fs/promises'
import { twoTier } from '../../sdk/index.ts'
import { codeForm } from './api-stage.ts'
import { zipped } from './stored-job.ts'

const workload = new URL('../../../examples/trivial/workload.ts', import.meta.url)

/** Calls a server's API, and answers with the decoded body. Rejects if the server refuses. */
export type Call = (method: string, path: string, body?: unknown) => Promise<unknown>

/** Makes calls of the API at a URL. */
export function callsTo(url: string): Call {
  return async (method, path, body) => {
    const isForm = body instanceof FormData
    const response = await fetch(url + path, {
      method,
      ...(body === undefined || isForm ? {} : { headers: { 'content-type': 'application/json' } }),
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? null : JSON.parse(text)
  }
}

/** Creates a ready job of the trivial example, with a design of its own. Answers with the job's path. */
export async function trivialJob(
  call: Call,
  { job, clients, rounds }: { readonly job: string; readonly clients: number; readonly rounds: number },
): Promise<string> {
  const design = `/users/u/designs/${job}`
  await call('POST', '/users/u/designs', { id: job })
  await call('POST', `${design}/schema`, twoTier({ clients }).schema)
  const code = zipped({ 'top-aggregator/README': '-', 'trainer/workload.ts': await readFile(workload, 'utf8') })
  await call('POST', `${design}/code`, codeForm(code))
  const id = String(
    await call('POST', '/users/u/datasets', { url: 'file:///any', dataFormat: 'none', realm: 'default' }),
  )
  await call('POST', '/users/u/jobs', {
    id: job,
    designId: job,
    backend: 'ws',
    dataSpec: [{ role: 'trainer', datasetGroups: { default: Array.from({ length: clients }, () => id) } }],
    modelSpec: { hyperparameters: { rounds, fraction: 0.5 } },
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
