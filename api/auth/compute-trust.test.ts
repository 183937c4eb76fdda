import test from 'ava'
import { type ApiStage, apiStage, type Bearers, bearers } from '../../test/support/api-stage.ts'
import { stagedJob } from '../../test/support/http-jobs.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

const dataset = { url: 'https://data.example/?signature=secret', dataFormat: 'csv' }

async function stage(api: ApiStage, of: Bearers) {
  const headers = {
    admin: { ...(await of.of('root', ['admin'])), 'x-api-key': 'k' },
    ops: { ...(await of.of('ops', ['compute'])), 'x-api-key': 'k' },
    mallory: { ...(await of.of('mallory', ['compute', 'user'])), 'x-api-key': 'k' },
    alice: { ...(await of.of('alice', ['user', 'compute'])), 'x-api-key': 'k' },
  }
  return {
    headers,
    register: (computeId: string, adminId: 'ops' | 'mallory' | 'alice', region = 'eu', by = headers[adminId]) =>
      api.call('POST', '/computes', { computeId, adminId, region, apiKey: 'k' }, by),
    /** Where a dataset of alice's comes to lie, or why it can't. */
    async placed(fields: object) {
      const made = await api.call('POST', '/users/alice/datasets', { ...dataset, ...fields }, headers.alice)
      if (made.status !== 201) return Object(made.body).code
      return Object((await api.call('GET', `/users/alice/datasets/${made.body}`, undefined, headers.alice)).body).realm
    },
    /** The same calls as with no token, with all that alice may. */
    as: (user: Record<string, string>): Pick<ApiStage, 'call'> => ({
      call: (method, path, body, more) =>
        api.call(method, path.replace('/users/u/', '/users/alice/'), body, { ...user, ...more }),
    }),
  }
}

test('compute "default", whose tasks are everybody’s, is registered by an administrator alone', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const { register, headers } = await stage(api, of)
  t.like(await register('default', 'mallory'), { status: 403, body: { code: 'COMPUTE_RESERVED' } })
  t.is((await api.call('GET', '/computes/default', undefined, headers.mallory)).status, 404)
  t.is((await register('default', 'ops', 'eu', headers.admin)).status, 201)
  t.is((await api.call('GET', '/computes/default', undefined, headers.ops)).status, 200)
})

test('a realm passes over computes of strangers, however low their ids', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const { register, placed, headers } = await stage(api, of)
  for (const id of ['a0', 'a1', 'hospital']) t.is((await register(id, 'mallory')).status, 201)
  t.is(await placed({ realm: 'default/eu' }), 'REALM_UNSERVED')
  t.is(await placed({ realm: 'default/eu', isPublic: true }), 'default/eu')
  t.is(await placed({ realm: 'hospital' }), 'COMPUTE_UNTRUSTED')
  t.is(await placed({ realm: 'eu/hospital' }), 'COMPUTE_UNTRUSTED')
  t.is(await placed({ realm: 'hospital', computeAdmins: ['mallory'] }), 'eu/hospital', 'whom the owner names')
  t.is(await placed({ realm: 'default/eu', computeAdmins: ['bob', 'mallory'] }), 'eu/a0')
  await register('c', 'ops', 'eu', headers.admin)
  t.is(await placed({ realm: 'default/eu' }), 'eu/c', 'which an administrator registered')
  await register('b', 'alice')
  t.is(await placed({ realm: 'default/eu' }), 'eu/b', 'her own')
})

test('a server trusts the administrators that it is told, and no word of others changes where a compute is', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of, computeAdmins: ['ops'] })
  const { register, placed, headers } = await stage(api, of)
  await register('a', 'mallory', 'us')
  await register('c', 'ops')
  for (const [body, status] of [
    [{ region: 'eu' }, 403],
    [{ adminId: 'ops' }, 403],
    [{ region: 'us', adminId: 'mallory', apiKey: 'k' }, 200],
  ] as const)
    t.is((await api.call('PUT', '/computes/a', body, headers.mallory)).status, status, JSON.stringify(body))
  t.is(await placed({ realm: 'default/eu' }), 'eu/c')
  const moved = await api.call('PUT', '/computes/c', { region: 'us' }, headers.admin)
  t.is(moved.status, 200)
  t.is(await placed({ realm: 'default/us' }), 'us/c')
})

test('a compute registered under the id of one that is gone gets no key of its tasks', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const { register, headers, as } = await stage(api, of)
  await register('c1', 'alice')
  const { job } = await stagedJob(as(headers.alice))
  const config = `/computes/c1/deployments/${job}/config`
  t.is((await api.call('GET', config, undefined, headers.alice)).status, 200)
  t.is((await api.call('GET', config, undefined, headers.mallory)).status, 200, 'by its key, whoever shows it')
  const [{ id }] = Object((await api.call('GET', '/users/alice/datasets', undefined, headers.alice)).body)
  await api.call('PUT', `/users/alice/datasets/${id}`, { ...dataset, realm: 'default' }, headers.alice)
  t.is((await api.call('DELETE', '/computes/c1', undefined, headers.alice)).status, 200)
  t.is((await register('c1', 'mallory')).status, 201)
  t.is((await api.call('GET', config, undefined, headers.mallory)).status, 404)
  t.deepEqual((await api.call('GET', '/jobs/c1', undefined, headers.mallory)).body, [])
})

test('what was bound to a compute while nobody was asked for a token gives its keys to nobody who is not trusted', async (t) => {
  await using folder = await temporaryFolder()
  const store = { type: 'lmdb', folder: folder.path } as const
  await using of = await bearers()
  await using open = await apiStage('memory', { store })
  const before = (await stage(open, of)).as({})
  await open.call('POST', '/computes', { computeId: 'default', region: 'eu', adminId: 'mallory', apiKey: 'k' })
  await open.call('POST', '/computes', { computeId: 'c1', region: 'eu', adminId: 'mallory', apiKey: 'k' })
  const { job } = await stagedJob(before)
  const path = (compute: string) => `/computes/${compute}/deployments/${job}/config`
  t.is((await open.call('GET', path('default'), undefined, { 'x-api-key': 'k' })).status, 200)
  const spec = (await before.call('GET', `/users/u/jobs/${job}`)).body
  await open[Symbol.asyncDispose]()

  await using asking = await apiStage('memory', { store, authentication: of })
  const { headers, register, as } = await stage(asking, of)
  for (const compute of ['default', 'c1'])
    t.is((await asking.call('GET', path(compute), undefined, headers.mallory)).status, 404, compute)
  t.like(await as(headers.alice).call('PUT', `/users/u/jobs/${job}`, spec), {
    status: 422,
    body: { code: 'JOB_INVALID' },
  })
  await register('c1', 'mallory', 'eu', headers.admin)
  t.is((await asking.call('GET', path('c1'), undefined, headers.mallory)).status, 200, 'once an administrator vouches')
  t.is((await as(headers.alice).call('PUT', `/users/u/jobs/${job}`, spec)).status, 200)
})

test('a dataset that another registers under the id of a deleted one is not handed to its tasks', async (t) => {
  await using of = await bearers()
  await using api = await apiStage('memory', { authentication: of })
  const { register, headers, as } = await stage(api, of)
  await register('c1', 'alice')
  const { job } = await stagedJob(as(headers.alice))
  const configured = await api.call('GET', `/computes/c1/deployments/${job}/config`, undefined, headers.alice)
  const [[task = '', key = ''] = []] = Object.entries<string>(Object(configured.body).agentKVs)
  const flamelet = await of.of('alice', ['flamelet'])
  const fetched = () => api.call('GET', `/jobs/${job}/${task}/task?key=${key}`, undefined, flamelet)
  t.is((await fetched()).status, 200)
  const [{ id }] = Object((await api.call('GET', '/users/alice/datasets', undefined, headers.alice)).body)
  const start = { id: job, state: 'starting' }
  t.is((await api.call('PUT', `/users/alice/jobs/${job}/status`, start, headers.alice)).status, 200)
  const stop = { id: job, state: 'stopping' }
  await api.call('PUT', `/users/alice/jobs/${job}/status`, stop, headers.alice)
  let state = ''
  while (state !== 'terminated')
    state = Object((await api.call('GET', `/users/alice/jobs/${job}/status`, undefined, headers.alice)).body).state
  t.is((await api.call('DELETE', `/users/alice/datasets/${id}`, undefined, headers.alice)).status, 200)
  const squatted = { id, url: 'https://mallory.example', dataFormat: 'csv', realm: 'default', isPublic: true }
  t.is((await api.call('POST', '/users/mallory/datasets', squatted, headers.mallory)).status, 201)
  t.like(await fetched(), { status: 404, body: { code: 'DATASET_UNKNOWN' } })
})
