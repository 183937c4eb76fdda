import { go, jobOn, prepared, preparedJob } from './fixtures.ts'
import type { DeclareTest, OpenStage } from './stage.ts'

const all = '/users/u/jobs'

export function jobConformance(test: DeclareTest, open: OpenStage): void {
  test('jobs: created with their tasks, listed, read, replaced and deleted with them', async (t) => {
    await using stage = await open()
    const { call } = stage
    const datasets = await prepared(stage)
    const created = await call('POST', `${all}/`, { body: jobOn(...datasets) })
    t.like(created, { status: 201, body: { state: 'ready', name: 'd' } })
    const { id } = Object(created.body)
    for (const path of [all, `${all}/`, `${all}/?limit=10`])
      t.deepEqual((await call('GET', path)).body, [created.body], path)
    t.deepEqual((await call('GET', `${all}/${id}/status`)).body, created.body)
    t.like(await call('GET', `${all}/${id}/`), {
      status: 200,
      body: { id, userId: 'u', name: 'd', designId: 'd', schemaRevision: 1, codeRevision: 1, backend: 'mqtt' },
    })

    const tasks = await call('GET', `${all}/${id}/tasks/?limit=0&generic=true`)
    const listed: readonly { taskId: string; role: string; key: string; computeId: string; state: string }[] = Object(
      tasks.body,
    )
    t.deepEqual(
      listed.map(({ role, computeId, state, key }) => [role, computeId, state, key]),
      [
        ['aggregator', 'default', 'ready', 'hidden by system'],
        ['trainer', 'default', 'ready', 'hidden by system'],
        ['trainer', 'c1', 'ready', 'hidden by system'],
      ],
    )
    for (const task of listed) t.deepEqual((await call('GET', `${all}/${id}/tasks/${task.taskId}`)).body, { ...task })
    t.is((await call('GET', `${all}/${id}/tasks/none`)).status, 404)

    t.like(await call('PUT', `${all}/${id}`, { body: jobOn(datasets[0]) }), { status: 200, body: null })
    t.is(Object((await call('GET', `${all}/${id}/tasks`)).body).length, 2)
    const deletion = { body: go.jobStatus({ id, state: 'ready' }) }
    t.like(await call('DELETE', `${all}/${id}`, deletion), { status: 200, body: null })
    for (const [method, path, body] of [
      ['GET', ''],
      ['GET', '/status'],
      ['GET', '/tasks'],
      ['GET', `/tasks/${listed[0]?.taskId}`],
      ['PUT', '', jobOn(datasets[0])],
      ['DELETE', ''],
    ] as const)
      t.is((await call(method, `${all}/${id}${path}`, { body })).status, 404, `${method} ${path}`)
  })

  test('jobs: what is wrong with one is named whole, and nothing of it is stored', async (t) => {
    await using stage = await open()
    const { call } = stage
    const [dataset] = await prepared(stage)
    const body = go.jobSpec({
      dataSpec: [{ role: 'trainer', datasetGroups: { default: ['none'] } }],
      modelSpec: { optimizer: { sort: 'fedmagic', kwargs: {} } },
    })
    const refused = await call('POST', all, { body })
    t.is(refused.status, 422)
    t.regex(String(refused.body), /none/)
    t.regex(String(refused.body), /modelSpec\.optimizer\.sort/)
    t.is((await call('POST', all, { body: { ...jobOn(dataset), designId: 'none' } })).status, 422)
    t.is((await call('POST', '/users/v/jobs', { body: jobOn(dataset) })).status, 422)
    t.deepEqual((await call('GET', all)).body, [])
    const id = String(Object((await call('POST', all, { body: jobOn(dataset) })).body).id)
    const before = await call('GET', `${all}/${id}/tasks`)
    t.is((await call('PUT', `${all}/${id}`, { body })).status, 422)
    t.is((await call('POST', all, { body: { ...jobOn(dataset), id } })).status, 409)
    t.deepEqual((await call('GET', `${all}/${id}/tasks`)).body, before.body)
  })

  test('jobs: another user neither sees nor changes them', async (t) => {
    await using stage = await open()
    const { call } = stage
    const id = await preparedJob(stage)
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/status'],
      ['GET', '/tasks'],
      ['DELETE', ''],
    ] as const)
      t.is((await call(method, `/users/v/jobs/${id}${path}`)).status, 404, `${method} ${path}`)
    t.deepEqual((await call('GET', '/users/v/jobs')).body, [])
    t.is((await call('GET', `${all}/${id}`)).status, 200)
  })
}
