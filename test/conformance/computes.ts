import { apiKey, compute, go, preparedJob, withKey } from './fixtures.ts'
import type { DeclareTest, OpenStage } from './stage.ts'

const one = '/computes/c1'

export function computeConformance(test: DeclareTest, open: OpenStage): void {
  test('computes: registered once, known by their key alone, changed and taken away', async (t) => {
    await using stage = await open()
    const { call } = stage
    const registered = await call('POST', '/computes/', { body: compute('c1') })
    t.like(registered, { status: 201, body: { computeId: 'c1', state: 'up' } })
    const again = await call('POST', '/computes', { body: compute('c1') })
    t.true(again.status === 200 || again.status === 201)
    t.deepEqual(again.body, registered.body)
    t.is((await call('POST', '/computes', { body: { ...compute('c1'), apiKey: 'other' } })).status, 409)
    t.is((await call('POST', '/computes', { body: { ...compute('c2'), apiKey: '' } })).status, 422)
    t.is((await call('GET', '/computes')).status, 400)
    t.deepEqual((await call('GET', '/computes/?adminId=admin')).body, [
      { computeId: 'c1', adminId: 'admin', region: 'eu' },
    ])
    t.deepEqual((await call('GET', '/computes?adminId=other')).body, [])

    t.like(await call('GET', `${one}/`, withKey), { status: 200, body: { computeId: 'c1', state: 'up' } })
    t.like(await call('GET', `${one}/config`, withKey), { status: 200, body: { computeId: 'c1', region: 'eu' } })
    const change = { computeId: '', region: 'us', adminId: '', apiKey: '' }
    t.is((await call('PUT', one, { ...withKey, body: change })).status, 200)
    t.like((await call('GET', `${one}/config`, withKey)).body, { region: 'us', adminId: 'admin' })
    t.like(await call('DELETE', one, withKey), { status: 200, body: null })
    t.is((await call('GET', one, withKey)).status, 404)
  })

  test('computes: each operation on one asks for its key', async (t) => {
    await using stage = await open()
    const { call } = stage
    const job = await preparedJob(stage)
    const paths = [
      ['GET', one],
      ['PUT', one, { region: 'us' }],
      ['DELETE', one],
      ['GET', `${one}/config`],
      ['GET', `${one}/deployments`],
      ['GET', `${one}/deployments/${job}/config`],
      ['GET', `${one}/deployments/${job}/status`],
      ['PUT', `${one}/deployments/${job}/status`, {}],
      ['GET', '/jobs/c1'],
    ] as const
    for (const [method, path, body] of paths) {
      const hear = async (headers: Record<string, string>, at: string = path) =>
        (await call(method, at, { headers, body })).status
      t.is(await hear({}), 401, `${method} ${path} without a key`)
      t.is(await hear({ 'X-API-KEY': 'other' }), 403, `${method} ${path} with another`)
      t.is(await hear({ 'X-API-KEY': apiKey }, path.replace('c1', 'c9')), 404, `${method} ${path} of none`)
    }
    t.is((await call('DELETE', one, withKey)).status, 409, 'a dataset is bound to it')
    t.like((await call('GET', one, withKey)).body, { computeId: 'c1' })
  })

  test('computes: one reads which tasks it is to run, with their keys', async (t) => {
    await using stage = await open()
    const { call } = stage
    const job = await preparedJob(stage)
    t.like(await call('GET', '/jobs/c1/', withKey), { status: 200, body: [] })
    t.like(await call('GET', `${one}/deployments/`, withKey), { status: 200, body: [] })
    const config = await call('GET', `${one}/deployments/${job}/config`, withKey)
    t.like(config, { status: 200, body: { jobId: job } })
    const keys = Object.entries<string>(Object(config.body).agentKVs)
    t.is(keys.length, 1)
    const [[task = '', key = ''] = []] = keys
    t.like((await call('GET', `/users/u/jobs/${job}/tasks/${task}`)).body, { role: 'trainer', computeId: 'c1' })
    t.is(key.length, 32)
    for (const at of ['config', 'status'])
      t.is((await call('GET', `${one}/deployments/none/${at}`, withKey)).status, 404)
    const status = { ...withKey, body: { [task]: 'agentDeploySuccess' } }
    t.is((await call('PUT', `${one}/deployments/none/status`, status)).status, 404)

    const flamelet = `/jobs/${job}/${task}/task`
    const fetched = await call('GET', `${flamelet}?key=${key}`, { headers: { accept: 'multipart/form-data' } })
    t.is(fetched.status, 200)
    t.regex(fetched.type, /^multipart\/form-data; *boundary=/)
    const form = await new Response(Uint8Array.from(fetched.bytes), {
      headers: { 'content-type': fetched.type },
    }).formData()
    const part = form.get('config')
    const text = typeof part === 'string' ? part : await part?.text()
    t.like(JSON.parse(text ?? ''), { role: 'trainer', job: { id: job, name: 'd' }, backend: 'mqtt' })
    t.truthy(form.get('code.zip'))
    t.is((await call('GET', `${flamelet}?key=`)).status, 400)
    t.is((await call('GET', `${flamelet}?key=wrong`)).status, 403)
    t.is((await call('GET', `/jobs/${job}/none/task?key=${key}`)).status, 404)
    t.is((await call('PUT', `${flamelet}/status`, { body: go.taskStatus({ state: 'ready' }) })).status, 422)
  })
}
