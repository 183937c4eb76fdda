import test from 'ava'
import { type ApiStage, apiStage, codeForm, storeKinds } from '../../test/support/api-stage.ts'
import { twoTierCode, twoTierSchema, zipOf } from '../../test/support/stored-job.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

const jobs = '/users/u/jobs'
const design = '/users/u/designs/d'

/** A design, and three datasets of its user's. */
async function prepared(api: ApiStage): Promise<string[]> {
  await api.call('POST', '/users/u/designs', { id: 'd' })
  await api.call('POST', `${design}/schema`, twoTierSchema)
  await api.call('POST', `${design}/code`, codeForm(twoTierCode))
  const ids: string[] = []
  for (let i = 0; i < 3; i++) {
    const dataset = { url: `file:///${i}`, dataFormat: 'csv', realm: 'default' }
    ids.push(String((await api.call('POST', '/users/u/datasets', dataset)).body))
  }
  return ids
}

const jobOn = (datasets: readonly string[]) => ({
  designId: 'd',
  backend: 'mqtt',
  dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets } }],
})

const dataOf = (entries: readonly unknown[]) => ({
  dataSpec: [{ role: 'trainer', datasetGroups: { default: entries } }],
})

function idOf(body: unknown): string {
  return typeof body === 'object' && body !== null && 'id' in body ? String(body.id) : ''
}

for (const kind of storeKinds) {
  test(`a job is created with its tasks, read, updated and deleted with them (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    const [first = '', ...others] = await prepared(api)
    const created = await api.call('POST', jobs, { ...jobOn([first, ...others]), id: '', name: '', schemaRevision: 0 })
    t.like(created, { status: 201, body: { state: 'ready', name: 'd' } })
    const job = idOf(created.body)
    t.deepEqual((await api.call('GET', `${jobs}/${job}/status`)).body, created.body)
    t.deepEqual((await api.call('GET', `${jobs}/?limit=10`)).body, [created.body])
    const spec = { ...jobOn([first, ...others]), id: job, userId: 'u', name: 'd', schemaRevision: 1, codeRevision: 1 }
    t.deepEqual((await api.call('GET', `${jobs}/${job}`)).body, spec)

    const listed = await api.call('GET', `${jobs}/${job}/tasks`)
    const tasks = Array.isArray(listed.body) ? listed.body : []
    t.deepEqual(
      tasks.map(({ role, state, key, computeId }) => [role, state, key, computeId]),
      ['aggregator', 'trainer', 'trainer', 'trainer'].map((role) => [role, 'ready', 'hidden by system', 'default']),
    )
    const task = String(tasks[0]?.taskId)
    t.deepEqual((await api.call('GET', `${jobs}/${job}/tasks/${task}`)).body, tasks[0])
    t.is((await api.call('GET', `${jobs}/${job}/tasks/none`)).status, 404)
    const page = await api.call('GET', `${jobs}/${job}/tasks?limit=3`)
    const rest = await api.call('GET', /<(.*)>/.exec(page.headers.get('link') ?? '')?.[1] ?? '')
    t.deepEqual([page.body, rest.body], [tasks.slice(0, 3), tasks.slice(3)])

    const updated = await api.call('PUT', `${jobs}/${job}`, jobOn(others))
    t.like(updated, { status: 200, body: null })
    t.is(Object(await api.call('GET', `${jobs}/${job}/tasks`)).body.length, 3)
    for (const path of ['', '/status', '/tasks'])
      t.is((await api.call('GET', `/users/v/jobs/${job}${path}`)).status, 404)
    t.is((await api.call('DELETE', `${jobs}/${job}`, { id: job, state: 'ready' })).status, 200)
    for (const path of ['', '/status', '/tasks']) t.is((await api.call('GET', `${jobs}/${job}${path}`)).status, 404)
    t.deepEqual(api.faults, [])
  })

  test(`a job may have many tasks, and no more than can be kept (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    const [first = ''] = await prepared(api)
    const many = Array.from({ length: 30_000 }, () => first)
    const created = await api.call('POST', jobs, { ...jobOn(many), id: 'large' })
    t.is(created.status, 201)
    t.is(Object((await api.call('GET', `${jobs}/large`)).body).dataSpec[0].datasetGroups.default.length, 30_000)

    const [aggregator, trainer] = twoTierSchema.roles
    const roles = [{ ...aggregator, replica: 1_000_000_000 }, trainer]
    const refused = await api.call('PUT', `${design}/schema`, { ...twoTierSchema, roles })
    t.like(refused, {
      status: 422,
      body: { faults: [{ code: 'TAG_TASKS', place: 'schema.roles.0.replica' }] },
    })
    t.deepEqual(api.faults, [])
  })

  test(`what a job uses is not deleted from under it, but by force (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    const [dataset = ''] = await prepared(api)
    const created = await api.call('POST', jobs, jobOn([dataset]))
    const job = idOf(created.body)
    t.like(await api.call('DELETE', `/users/u/datasets/${dataset}`), { status: 409, body: { code: 'DATASET_USED' } })
    const used = await api.call('DELETE', design, undefined, { accept: 'application/json' })
    t.is(used.status, 409)
    t.regex(String(used.body), /design used in job/)
    t.is((await api.call('DELETE', `${design}?forceDelete=true`)).status, 200)
    t.is((await api.call('GET', `${jobs}/${job}`)).status, 200)
    await api.call('DELETE', `${jobs}/${job}`)
    t.is((await api.call('DELETE', `/users/u/datasets/${dataset}`)).status, 200)
  })

  test(`a job with faults is refused with all of them, and nothing is stored (${kind})`, async (t) => {
    await using api = await apiStage(kind)
    const [dataset = ''] = await prepared(api)
    const foreign = { url: 'a', dataFormat: 'csv', realm: 'default' }
    const { body: hidden } = await api.call('POST', '/users/v/datasets', foreign)
    await api.call('PUT', `${design}/code`, codeForm(zipOf('trainer/index.js')))
    const refused = await api.call('POST', jobs, {
      ...jobOn([dataset, String(hidden), 'none']),
      modelSpec: { optimizer: { sort: 'fedadam', kwargs: { beta: 1 } }, hyperparameters: { rounds: -1 } },
    })
    t.like(refused, { status: 422, body: { code: 'JOB_INVALID' } })
    const faults: { code: string; place: string }[] = Object(refused.body).faults
    t.deepEqual(
      faults.map(({ code, place }) => `${code} ${place}`),
      [
        'FIELD_UNKNOWN modelSpec.optimizer.kwargs.beta',
        'FIELD_INVALID modelSpec.hyperparameters.rounds',
        'TAG_CODE_MISSING schema.roles.0',
        'TAG_DATASET_UNKNOWN dataSpec.0.datasetGroups.default.1',
        'TAG_DATASET_UNKNOWN dataSpec.0.datasetGroups.default.2',
      ],
    )
    t.deepEqual((await api.call('GET', jobs)).body, [])
  })
}

test('a refusal names the jobs of its caller, the first of them, and counts those of others', async (t) => {
  await using api = await apiStage('memory')
  await prepared(api)
  const open = { url: 'file:///a', dataFormat: 'csv', realm: 'default', isPublic: true }
  const dataset = String((await api.call('POST', '/users/v/datasets', open)).body)
  for (let n = 0; n < 12; n++) await api.call('POST', jobs, { ...jobOn([dataset]), id: `secret-${n}` })
  const foreign = await api.call('DELETE', `/users/v/datasets/${dataset}`)
  t.like(foreign.body, { detail: `dataset ${dataset} is used in job 12 of other users` })
  const own = await api.call('DELETE', design)
  t.regex(String(Object(own.body).detail), /^design used in job (secret-\d+, ){10}2 more$/)
})

test('a job names many datasets one by one, or one dataset with a count', async (t) => {
  await using api = await apiStage('lmdb', { mostTasks: 50 })
  const [first = '', second = ''] = await prepared(api)
  const short = [{ dataset: first, count: 47 }, second]
  t.is((await api.call('POST', jobs, { ...jobOn([]), ...dataOf(short), id: 'short' })).status, 201)
  t.deepEqual(Object(await api.call('GET', `${jobs}/short`)).body.dataSpec[0].datasetGroups.default, short)
  t.is(Object(await api.call('GET', `${jobs}/short/tasks`)).body.length, 49)
  t.like(await api.call('DELETE', `/users/u/datasets/${first}`), { status: 409, body: { code: 'DATASET_USED' } })

  const tooMany = await api.call('POST', jobs, { ...jobOn([]), ...dataOf([{ dataset: first, count: 50 }]) })
  t.like(tooMany, { status: 422, body: { code: 'JOB_INVALID' } })
  t.is(Object(tooMany.body).faults[0].code, 'TAG_TASKS')
  for (const entry of [{ dataset: first }, { dataset: first, count: 0 }, { dataset: first, count: 1.5 }, 7]) {
    const refused = await api.call('POST', jobs, { ...jobOn([]), ...dataOf([entry]) })
    t.like(refused, { status: 422, body: { code: 'MODEL_INVALID' } })
    t.regex(String(Object(refused.body).faults[0].place), /^dataSpec\.0\.datasetGroups\.default\.0/)
  }
})

test('a job names algorithms that run: any other is refused with those that there are', async (t) => {
  await using api = await apiStage('memory')
  const [dataset = ''] = await prepared(api)
  const modelSpec = { optimizer: { sort: 'fedadm' }, selector: { sort: 'randm', kwargs: { k: 2 } } }
  const refused = await api.call('POST', jobs, { ...jobOn([dataset]), modelSpec })
  t.like(refused, { status: 422, body: { code: 'JOB_INVALID' } })
  const faults: { code: string; place: string; message: string }[] = Object(refused.body).faults
  t.deepEqual(
    faults.map(({ code, place }) => `${code} ${place}`),
    ['ALGORITHM_UNKNOWN modelSpec.optimizer.sort', 'ALGORITHM_UNKNOWN modelSpec.selector.sort'],
  )
  t.regex(String(faults[0]?.message), /fedadm is no optimizer; there are .*did you mean fedadam/)
  t.deepEqual((await api.call('GET', jobs)).body, [])
  const known = {
    optimizer: { sort: 'fedadam', kwargs: { beta_1: 0.8 } },
    selector: { sort: 'random', kwargs: { k: 2 } },
  }
  t.is((await api.call('POST', jobs, { ...jobOn([dataset]), modelSpec: known })).status, 201)
})

test('choices of a job that would run here go together; those of a job for flamelets of the original may be any of the interface', async (t) => {
  await using folder = await temporaryFolder()
  await using here = await apiStage('memory', { inProcess: { folder: folder.path, workers: 0 } })
  await using elsewhere = await apiStage('memory')
  const modelSpec = { datasampler: { sort: 'fedbalancer' }, privacy: { sort: 'dp' } }
  const [dataset = ''] = await prepared(here)
  const refused = await here.call('POST', jobs, { ...jobOn([dataset]), modelSpec })
  t.like(refused, { status: 422, body: { code: 'JOB_INVALID' } })
  const faults: { code: string; place: string }[] = Object(refused.body).faults
  t.deepEqual(
    faults.map(({ code, place }) => `${code} ${place}`),
    ['ALGORITHM_MISFIT modelSpec'],
  )
  t.deepEqual((await here.call('GET', jobs)).body, [])

  const [other = ''] = await prepared(elsewhere)
  t.is((await elsewhere.call('POST', jobs, { ...jobOn([other]), modelSpec })).status, 201)
  const wrong = { ...modelSpec, privacy: { sort: 'dp', kwargs: { clip_threshold: -1 } } }
  t.is((await elsewhere.call('POST', jobs, { ...jobOn([other]), modelSpec: wrong })).status, 422)
  await here.call('POST', '/computes', { computeId: 'c', region: 'eu', adminId: 'a', apiKey: 'secret' })
  const onCompute = { url: 'file:///a', dataFormat: 'csv', realm: 'c' }
  const placed = String((await here.call('POST', '/users/u/datasets', onCompute)).body)
  t.is((await here.call('POST', jobs, { ...jobOn([placed]), modelSpec })).status, 201)

  const krum = { optimizer: { sort: 'krum', kwargs: { f: 1 } } }
  const tooFew = await here.call('POST', jobs, { ...jobOn([dataset]), modelSpec: krum })
  t.like(tooFew, { status: 422, body: { code: 'JOB_INVALID' } })
  t.like(Object(tooFew.body).faults, [
    {
      code: 'ALGORITHM_CLIENTS',
      place: 'modelSpec.optimizer',
      message: 'krum needs 5 updates a round, but selects 1 of 1 trainers',
    },
  ])
  const enough = Array.from({ length: 5 }, () => dataset)
  t.is((await here.call('POST', jobs, { ...jobOn(enough), modelSpec: krum })).status, 201)
})

test('a job without a backend has the default one, and names have a bound', async (t) => {
  await using api = await apiStage('memory')
  const [dataset = ''] = await prepared(api)
  for (const [id, backend] of [['absent'], ['empty', '']]) {
    t.is((await api.call('POST', jobs, { ...jobOn([dataset]), id, backend })).status, 201)
    t.is(Object((await api.call('GET', `${jobs}/${id}`)).body).backend, 'mqtt')
  }
  const long = 'x'.repeat(201)
  for (const [path, body, place] of [
    [jobs, { ...jobOn([dataset]), name: long }, 'name'],
    ['/users/u/designs', { id: 'e', name: long }, 'name'],
    ['/users/u/datasets', { url: 'a', dataFormat: 'csv', realm: 'default', name: long }, 'name'],
  ] as const) {
    const refused = await api.call('POST', path, body)
    t.like(refused, { status: 422, body: { code: 'MODEL_INVALID', faults: [{ place }] } })
  }
})

test('a comment is no setting, at any depth of what is sent', async (t) => {
  await using api = await apiStage('memory')
  const [dataset = ''] = await prepared(api)
  const modelSpec = {
    optimizer: { sort: 'fedprox', kwargs: { mu: 1, '//': 'a' } },
    hyperparameters: { rounds: 1, '//': 'b', own: [{ '//': 'c' }] },
  }
  const refused = await api.call('POST', jobs, { ...jobOn([dataset]), modelSpec })
  t.is(refused.status, 422)
  const faults: { code: string; place: string }[] = Object(refused.body).faults
  t.deepEqual(
    faults.map(({ code, place }) => `${code} ${place}`),
    ['optimizer.kwargs.//', 'hyperparameters.//', 'hyperparameters.own.0.//'].map(
      (place) => `FIELD_UNKNOWN modelSpec.${place}`,
    ),
  )
})

test('a body can name as many datasets as a job may have tasks', async (t) => {
  await using api = await apiStage('memory')
  await prepared(api)
  const named = Array.from({ length: 99_999 }, (_, index) => index.toString(16).padStart(24, '0'))
  const body = JSON.stringify({ ...jobOn([]), ...dataOf(named) }, undefined, 1)
  const refused = await api.call('POST', jobs, body)
  t.like(refused, { status: 422, body: { code: 'JOB_INVALID', moreFaults: 99_899 } })
  t.is(Object(refused.body).faults.length, 100)
})

const refusals: readonly [string, object, string][] = [
  ['an unknown design', { designId: 'none' }, 'DESIGN_UNKNOWN designId'],
  ['a schema revision that is not there', { schemaRevision: 9 }, 'SCHEMA_UNKNOWN schemaRevision'],
  ['a code revision that is not there', { codeRevision: 9 }, 'CODE_UNKNOWN codeRevision'],
  ['no dataset', { dataSpec: [] }, 'TAG_NO_DATASET schema.roles.1'],
  ['a role that is none', { dataSpec: [{ role: 'boss', datasetGroups: {} }] }, 'TAG_ROLE_UNKNOWN dataSpec.0.role'],
]
for (const [title, change, fault] of refusals)
  test(`a job with ${title} is refused there`, async (t) => {
    await using api = await apiStage('memory')
    const refused = await api.call('POST', jobs, { ...jobOn(await prepared(api)), ...change })
    t.like(refused, { status: 422, body: { code: 'JOB_INVALID' } })
    const faults: { code: string; place: string }[] = Object(refused.body).faults
    t.true(faults.map(({ code, place }) => `${code} ${place}`).includes(fault), JSON.stringify(faults))
  })

test('jobs and their tasks are there again after a restart', async (t) => {
  await using api = await apiStage('lmdb')
  const created = await api.call('POST', jobs, jobOn(await prepared(api)))
  const tasks = await api.call('GET', `${jobs}/${idOf(created.body)}/tasks`)
  await api.restart()
  t.deepEqual((await api.call('GET', jobs)).body, [created.body])
  t.deepEqual((await api.call('GET', `${jobs}/${idOf(created.body)}/tasks`)).body, tasks.body)
})

test('a body that names more datasets than a job may have tasks has none of them looked for', async (t) => {
  await using api = await apiStage('memory')
  const [first] = await prepared(api)
  const named = Array.from({ length: 150_000 }, () => 'none')
  const refused = await api.call('POST', jobs, { ...jobOn([]), ...dataOf([String(first), ...named]) })
  t.like(refused, { status: 422, body: { code: 'JOB_INVALID', faults: [{ code: 'TAG_TASKS', place: 'dataSpec' }] } })
  t.is(Object(refused.body).faults.length, 1)
})
