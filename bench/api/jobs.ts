import { strToU8, zipSync } from 'fflate'

export const user = 'bench'
/** Datasets of a job: together with the aggregator's task, a job has 10 tasks. */
const datasets = 9

const schema = {
  name: 'two-tier',
  roles: [{ name: 'aggregator' }, { name: 'trainer', isDataConsumer: true }],
  channels: [{ name: 'param', pair: ['aggregator', 'trainer'] }],
}
const code = zipSync({ 'aggregator/index.js': strToU8('//'), 'trainer/index.js': strToU8('//') })

/** Creates a design and datasets, and answers with the body of a request that creates a job. */
export async function prepareJobs(url: string): Promise<string> {
  const send = async (path: string, body: unknown): Promise<unknown> => {
    const isForm = body instanceof FormData
    const headers = isForm ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(url + path, { method: 'POST', headers, body: isForm ? body : JSON.stringify(body) })
    if (!answer.ok) throw new Error(`POST ${path} was answered ${answer.status}: ${await answer.text()}`)
    return answer.json()
  }
  const form = new FormData()
  form.set('fileName', 'code.zip')
  form.set('fileData', new Blob([Uint8Array.from(code)]), 'code.zip')
  await send(`/users/${user}/designs`, { id: 'd' })
  await send(`/users/${user}/designs/d/schema`, schema)
  await send(`/users/${user}/designs/d/code`, form)
  const ids: unknown[] = []
  for (let i = 0; i < datasets; i++)
    ids.push(await send(`/users/${user}/datasets`, { url: `file:///${i}`, dataFormat: 'csv', realm: 'default' }))
  const dataSpec = [{ role: 'trainer', datasetGroups: { default: ids } }]
  return JSON.stringify({ designId: 'd', backend: 'mqtt', dataSpec })
}
