import test from 'ava'
import { collectionsOf } from '../actors/records/collections.ts'
import { bearerGate } from '../api/auth/gate.ts'
import { operations } from '../api/index.ts'
import type { Operation } from '../api/operation.ts'
import type { Store } from '../runtime/index.ts'
import { type Bearers, bearers, codeForm, planeStage } from './support/api-stage.ts'
import { twoTierCode, twoTierSchema } from './support/stored-job.ts'

/*
 * Bad input of every operation is answered with its status and a problem document with its code, and changes no
 * document of the store.
 */

type Id = (typeof operations)[number]['id']
type Names = Readonly<Record<string, string>>

/** Ids of present things, by the names of the paths' parameters. */
const present: Names = { user: 'u', designId: 'd', datasetId: 'x', jobId: 'j', computeId: 'c', name: 'f' }
const limits = { jsonBytes: 4000, formBytes: 8000 }

const dataset = { url: 'file:///x', dataFormat: 'csv', realm: 'c' }
const job = { designId: 'd', backend: 'mqtt', dataSpec: [{ role: 'trainer', datasetGroups: { default: ['x'] } }] }
const compute = { computeId: 'c', adminId: 'u', region: 'r', apiKey: 'k' }
const code = () => codeForm(twoTierCode)

/** A good body of each operation that takes one. */
const bodies: Partial<Record<Id, (names: Names) => unknown>> = {
  createDesign: () => ({ id: 'new' }),
  updateDesign: () => ({ name: 'other' }),
  createDesignSchema: () => twoTierSchema,
  updateDesignSchema: () => twoTierSchema,
  createDesignCode: code,
  updateDesignCode: code,
  createDataset: () => dataset,
  updateDataset: () => ({ ...dataset, name: 'other' }),
  createJob: () => job,
  updateJob: () => job,
  updateJobStatus: () => ({ state: 'starting' }),
  updateTaskStatus: () => ({ state: 'running' }),
  registerCompute: () => ({ ...compute, computeId: 'new' }),
  updateCompute: () => ({ region: 'other' }),
  makeFault: ({ taskId = '' }) => ({ type: 'cut', task: taskId }),
  putDeploymentStatus: ({ taskId = '' }) => ({ [taskId]: 'agentDeploySuccess' }),
}

/** Calls that conflict with the state of things, for each operation that can. */
const conflicts: Partial<Record<Id, { params?: Names; body?: () => unknown; code: string }>> = {
  createDesign: { body: () => ({ id: 'd' }), code: 'DESIGN_EXISTS' },
  deleteDesign: { code: 'DESIGN_USED' },
  createDataset: { body: () => ({ ...dataset, id: 'x' }), code: 'DATASET_EXISTS' },
  deleteDataset: { code: 'DATASET_USED' },
  createJob: { body: () => ({ ...job, id: 'j' }), code: 'JOB_EXISTS' },
  updateJob: { params: { jobId: 'running' }, code: 'JOB_STATE' },
  updateJobStatus: {
    params: { jobId: 'running' },
    body: () => ({ state: 'starting' }),
    code: 'JOB_STATE',
  },
  deleteJob: { params: { jobId: 'running' }, code: 'JOB_STATE' },
  updateTaskStatus: { code: 'JOB_STATE' },
  makeFault: { code: 'JOB_STATE' },
  registerCompute: { body: () => ({ ...compute, apiKey: 'other' }), code: 'COMPUTE_KEY_DIFFERS' },
  deleteCompute: { code: 'COMPUTE_USED' },
}

/** Operations on a flamelet: none has joined here. test/joined-flamelets.test.ts has some that have. */
const ofFlamelets: readonly Id[] = ['getFlamelet', 'deleteFlamelet']

/** Ids of things that don't exist, by the names of the paths' parameters. */
const unknownCodes: Readonly<Record<string, readonly string[]>> = {
  designId: ['DESIGN_UNKNOWN'],
  datasetId: ['DATASET_UNKNOWN'],
  jobId: ['JOB_NOT_FOUND', 'DEPLOYMENT_UNKNOWN'],
  taskId: ['TASK_UNKNOWN'],
  computeId: ['COMPUTE_UNKNOWN'],
  name: ['FLAMELET_UNKNOWN'],
}

const collections = ['requests', 'audit', ...Object.keys(collectionsOf({ documents: Object.create(null) }))]

/** Every document, as text; without the bytes of a user's audit entries, which a refused change has, too. */
async function contents({ documents }: Store): Promise<string[]> {
  const found: string[] = []
  for (const collection of collections)
    for await (const document of documents.find(collection))
      if (!document.id.startsWith('audit/')) found.push(JSON.stringify([collection, document]))
  return found
}

interface Sent {
  readonly params?: Names
  readonly body?: unknown
  readonly headers?: Names
  readonly query?: string
}

async function stage(of: Bearers) {
  const plane = await planeStage({ gate: await bearerGate(of), limits })
  const own = await of.of('u', ['user', 'compute', 'flamelet', 'admin', 'chaos'])
  const names: Record<string, string> = { ...present }

  async function call(method: string, path: string, { body, headers = own, query = '' }: Sent = {}) {
    const isForm = body instanceof FormData
    const type = body === undefined || isForm ? {} : { 'content-type': 'application/json' }
    const response = await fetch(`${plane.url}${path}${query}`, {
      method,
      headers: { accept: 'application/problem+json', 'x-api-key': 'k', ...type, ...headers },
      ...(body === undefined ? {} : { body: isForm || typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, type: response.headers.get('content-type') ?? '', text }
  }

  await call('POST', '/computes', { body: compute })
  await call('POST', '/users/u/designs', { body: { id: 'd' } })
  await call('POST', '/users/u/designs/d/schema', { body: twoTierSchema })
  await call('POST', '/users/u/designs/d/code', { body: code() })
  await call('POST', '/users/u/datasets', { body: { ...dataset, id: 'x' } })
  for (const id of ['j', 'running']) await call('POST', '/users/u/jobs', { body: { ...job, id } })
  const running = await plane.store.documents.get('jobs', 'running')
  if (running)
    await plane.store.documents.replace('jobs', running.id, running.version, { ...running.fields, state: 'running' })
  for await (const { fields } of plane.store.documents.find('tasks'))
    if (fields.jobId === 'j' && fields.role === 'trainer') {
      names.taskId = String(fields.taskId)
      names.key = String(fields.key)
    }

  const deployment = { start: 's', statuses: {}, updatedAt: '2026-01-02T03:04:05.000Z' }
  await plane.store.documents.insert('deployments', [{ id: 'c/j', fields: deployment }])

  return {
    store: plane.store,
    names,
    /** Calls an operation on present things, except for the given changes. */
    async call({ method, path, query }: (typeof operations)[number], sent: Sent = {}) {
      const address = path.replace(/\{(\w+)\}/g, (_, name: string) => sent.params?.[name] ?? names[name] ?? '')
      const required = {
        ...('key' in query.shape ? { key: names.key ?? '' } : {}),
        ...('adminId' in query.shape ? { adminId: 'u' } : {}),
      }
      const asked =
        sent.query ??
        `?${new URLSearchParams({ ...required, ...('follow' in query.shape ? { follow: 'false' } : {}) })}`
      return call(method.toUpperCase(), address, { ...sent, headers: { ...own, ...sent.headers }, query: asked })
    },
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  }
}

interface Refusal extends Sent {
  readonly title: string
  readonly status: number
  readonly codes: readonly string[]
}

/** Mistakes in calls of an operation, with their expected answers. */
async function refusalsOf(operation: (typeof operations)[number], names: Names, of: Bearers): Promise<Refusal[]> {
  const id: Id = operation.id
  const { method, path, auth, query, body }: Operation = operation
  const good = bodies[id]?.(names)
  const refusals: Refusal[] = []
  const refused = (title: string, status: number, codes: readonly string[], sent: Sent) =>
    refusals.push({ title, status, codes, body: good, ...sent })

  const json = { 'content-type': 'application/json' }
  if (body?.type === 'json') {
    refused('malformed JSON', 400, ['API_JSON'], { body: '{"a": ' })
    refused('bytes that are no UTF-8', 400, ['API_JSON', 'API_MEDIA_TYPE'], { body: '\ud800"', headers: json })
    const mistyped = Object.fromEntries(Object.keys(Object(good)).map((name) => [name, 5]))
    for (const wrong of [5, 'text', [], null, mistyped])
      refused(`${JSON.stringify(wrong)} for a body`, 422, ['MODEL_INVALID'], { body: JSON.stringify(wrong) })
    if (id !== 'putDeploymentStatus')
      refused('an unknown field', 400, ['MODEL_UNKNOWN_FIELD'], { body: { ...Object(good), unknown: 1 } })
    refused('a body that is too large', 413, ['API_TOO_LARGE'], { body: { name: 'x'.repeat(limits.jsonBytes) } })
    refused('a body of another type', 415, ['API_MEDIA_TYPE'], {
      body: 'a=b',
      headers: { 'content-type': 'text/plain' },
    })
  }
  if (body?.type === 'form') {
    refused('JSON for a form', 415, ['API_MEDIA_TYPE'], { body: {} })
    refused('a form that is none', 400, ['API_FORM'], { body: 'x', headers: { 'content-type': 'multipart/form-data' } })
    refused('an empty form', 422, ['MODEL_INVALID'], { body: new FormData() })
    refused('a form that is too large', 413, ['API_TOO_LARGE'], { body: codeForm(new Uint8Array(limits.formBytes)) })
    refused('an archive that is none', 422, ['CODE_ARCHIVE'], { body: codeForm(new Uint8Array(100)) })
    const form = code()
    form.set('other', 'x')
    refused('an unknown field', 400, ['MODEL_UNKNOWN_FIELD'], { body: form })
  }
  for (const [, name = ''] of path.matchAll(/\{(\w+)\}/g)) {
    refused(`a ${name} that is no name`, 400, ['NAME_INVALID'], { params: { [name]: 'a%20b' } })
    const codes = unknownCodes[name]
    if (codes) refused(`an unknown ${name}`, 404, codes, { params: { [name]: 'none' } })
  }
  if ('limit' in query.shape) refused('a limit that is no number', 400, ['API_QUERY'], { query: '?limit=-1&adminId=u' })
  const conflict = conflicts[id]
  if (conflict) {
    const sent = {
      ...(conflict.params ? { params: conflict.params } : {}),
      ...(conflict.body ? { body: conflict.body() } : {}),
    }
    refused('a state that conflicts', 409, [conflict.code], sent)
  }
  if (auth === 'compute-key') {
    refused("another compute's key", 403, ['COMPUTE_KEY_WRONG'], { headers: { 'x-api-key': 'other' } })
    refused('no key', 401, ['COMPUTE_KEY_MISSING'], { headers: { 'x-api-key': '' } })
  }
  if (auth === 'task-key') {
    refused("another task's key", 403, ['TASK_KEY_WRONG'], { query: '?key=other' })
    refused('no key', 400, ['TASK_KEY_MISSING'], { query: '' })
  }
  if (method === 'put' || method === 'delete')
    refused('If-Match that is no tag', 400, ['API_HEADER'], { headers: { 'if-match': 'x' } })
  if (method !== 'get') refused('a key that is none', 400, ['API_HEADER'], { headers: { 'idempotency-key': 'a b' } })
  const expired = { seconds: 1, issuedAt: new Date(Date.now() - 60_000) }
  const tokens: readonly [string, number, string, Names][] = [
    ['no token', 401, 'API_TOKEN_MISSING', { authorization: '' }],
    ['an expired token', 401, 'API_TOKEN_EXPIRED', await of.of('u', ['admin'], expired)],
    ['a token without the scope', 403, 'API_SCOPE', await of.of('u', ['metrics'])],
  ]
  for (const [title, status, code, headers] of tokens) refused(title, status, [code], { headers })
  const isOwned = path.includes('{user}') || auth === 'compute'
  if (isOwned)
    refused('a foreign user', 403, ['API_FOREIGN_USER'], { headers: await of.of('v', ['user', 'compute', 'chaos']) })
  return refusals
}

test('what is tried here has bodies for all operations that take one', (t) => {
  t.deepEqual(
    operations
      .filter((operation) => 'body' in operation)
      .map(({ id }) => id)
      .toSorted(),
    Object.keys(bodies).toSorted(),
  )
})

for (const operation of operations)
  test(`${operation.id} refuses bad input with a problem, and changes nothing`, async (t) => {
    await using of = await bearers()
    await using api = await stage(of)
    const before = await contents(api.store)
    t.true(before.length > 10)
    for (const { title, status, codes, ...sent } of await refusalsOf(operation, api.names, of)) {
      const heard = await api.call(operation, sent)
      const problem = heard.type === 'application/problem+json' ? Object(JSON.parse(heard.text)) : {}
      t.is(heard.status, status, `${title}: ${heard.text}`)
      t.is(problem.status, status, title)
      t.true(codes.includes(problem.code), `${title}: ${heard.text}`)
      t.true(typeof problem.hint === 'string' && problem.hint !== '', title)
      t.deepEqual(await contents(api.store), before, title)
    }
    // The same call without a mistake succeeds, so the calls above were refused for their mistakes.
    const body = bodies[operation.id]?.(api.names)
    const accepted = await api.call(operation, { body })
    const isFree = conflicts[operation.id]?.params !== undefined || conflicts[operation.id]?.body !== undefined
    if (ofFlamelets.includes(operation.id)) t.regex(accepted.text, /FLAMELET_UNKNOWN/)
    else if (isFree || !conflicts[operation.id]) t.true(accepted.status < 300, accepted.text)
  })
