import test from 'ava'
import { type ApiStage, apiStage } from '../support/api-stage.ts'
import { keysOf, type StagedJob, stagedJob } from '../support/http-jobs.ts'

const jobs = '/users/u/jobs'
const asked = ['starting', 'stopping', 'applying'] as const
const notAsked = ['ready', 'deploying', 'running', 'completed', 'failed', 'terminated'] as const
const computes = ['c1', 'default'] as const
const apiKey = { 'x-api-key': 'secret' }

interface Row {
  /** The state before this one. */
  readonly from?: State
  readonly bring: (api: ApiStage, job: StagedJob, keys: Keys) => Promise<void>
  /** States that a person may ask for. */
  readonly person: readonly (typeof asked)[number][]
  /** Whether a person may change and delete the job. */
  readonly isEditable: boolean
  /** Status of the answer to the trainer's report that it runs. */
  readonly running: 201 | 409
}

type State = keyof typeof rows
type Keys = Readonly<Record<string, string>>

const ask = (api: ApiStage, { job }: StagedJob, state: string, user = 'u') =>
  api.call('PUT', `/users/${user}/jobs/${job}/status`, { id: job, state })

/** Reports for the flamelet of the role's only task. */
async function report(api: ApiStage, { job, tasks }: StagedJob, keys: Keys, role: string, state: string) {
  const id = tasks.find((task) => task.role === role)?.taskId ?? ''
  return api.call('PUT', `/jobs/${job}/${id}/task/status?key=${keys[id]}`, { state })
}

async function deployed(api: ApiStage, { job }: StagedJob, word: string): Promise<void> {
  for (const compute of computes) {
    const path = `/computes/${compute}/deployments/${job}`
    const { body } = await api.call('GET', `${path}/config`, undefined, apiKey)
    const status = Object.fromEntries(Object.keys(Object(body).agentKVs).map((task) => [task, word]))
    // The deployment's record is written shortly after the answer to the start.
    while ((await api.call('PUT', `${path}/status`, status, apiKey)).status === 404);
  }
}

/**
 * The specification's states, written by hand. The job has one aggregator and one trainer, each on a compute of its
 * own.
 */
const rows = {
  ready: { bring: async () => {}, person: ['starting'], isEditable: true, running: 409 },
  starting: {
    from: 'ready',
    bring: async (api, job) => void (await ask(api, job, 'starting')),
    person: ['stopping'],
    isEditable: false,
    running: 201,
  },
  deploying: {
    from: 'starting',
    bring: (api, job) => deployed(api, job, 'agentDeploySuccess'),
    person: ['stopping'],
    isEditable: false,
    running: 201,
  },
  running: {
    from: 'deploying',
    bring: async (api, job, keys) => void (await report(api, job, keys, 'trainer', 'running')),
    person: ['stopping', 'applying'],
    isEditable: false,
    running: 201,
  },
  stopping: {
    from: 'running',
    bring: async (api, job) => void (await ask(api, job, 'stopping')),
    person: [],
    isEditable: false,
    running: 201,
  },
  terminated: {
    from: 'stopping',
    bring: async (api, job, keys) => void (await report(api, job, keys, 'trainer', 'terminated')),
    person: ['starting'],
    isEditable: true,
    running: 409,
  },
  completed: {
    from: 'running',
    async bring(api, job, keys) {
      for (const role of ['aggregator', 'trainer']) await report(api, job, keys, role, 'completed')
    },
    person: ['starting'],
    isEditable: true,
    running: 409,
  },
  failed: {
    from: 'running',
    bring: async (api, job, keys) => void (await report(api, job, keys, 'trainer', 'failed')),
    person: ['starting'],
    isEditable: true,
    running: 409,
  },
} as const satisfies Record<string, Omit<Row, 'from'> & { readonly from?: string }>

async function stateOf(api: ApiStage, { job }: StagedJob): Promise<string> {
  return Object((await api.call('GET', `${jobs}/${job}/status`)).body).state
}

async function bringTo(state: State, api: ApiStage, job: StagedJob, keys: Keys): Promise<void> {
  const { from, bring }: Row = rows[state]
  if (from) await bringTo(from, api, job, keys)
  await bring(api, job, keys)
  while ((await stateOf(api, job)) !== state) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function staged(state: State) {
  const api = await apiStage('memory')
  const job = await stagedJob(api)
  const keys = await keysOf(api, job.job)
  await bringTo(state, api, job, keys)
  return { api, job, keys, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

for (const [state, row] of Object.entries<Row>(rows)) {
  if (!isState(state)) continue
  const refused = asked.filter((other) => !row.person.includes(other))

  test(`in ${state}, a person may not ask for ${[...refused, ...notAsked].join(', ')}, and nothing changes`, async (t) => {
    await using stage = await staged(state)
    const { api, job } = stage
    const before = (await api.call('GET', `${jobs}/${job.job}/status`)).body
    for (const other of refused) t.like(await ask(api, job, other), { status: 409, body: { code: 'JOB_STATE' } }, other)
    for (const other of notAsked)
      t.like(await ask(api, job, other), { status: 422, body: { code: 'MODEL_INVALID' } }, other)
    for (const other of asked)
      t.like(await ask(api, job, other, 'v'), { status: 404, body: { code: 'JOB_NOT_FOUND' } }, other)
    t.deepEqual((await api.call('GET', `${jobs}/${job.job}/status`)).body, before)
    t.deepEqual(api.faults, [])
  })

  for (const other of row.person)
    test(`in ${state}, a person may ask for ${other}`, async (t) => {
      await using stage = await staged(state)
      const { api, job } = stage
      t.like(await ask(api, job, other), { status: 200, body: null })
      t.like(await ask(api, job, 'ready'), { status: 422 })
      const next = await stateOf(api, job)
      // The job runs again once its update is deployed.
      t.true(
        [other, ...(other === 'applying' ? ['running'] : []), ...(other === 'stopping' ? ['terminated'] : [])].includes(
          next,
        ),
        next,
      )
    })

  test(`in ${state}, a job is ${row.isEditable ? '' : 'not '}changed, nor deleted against that`, async (t) => {
    await using stage = await staged(state)
    const { api, job } = stage
    const path = `${jobs}/${job.job}`
    const spec = (await api.call('GET', path)).body
    const refusal = { status: 409, body: { code: 'JOB_STATE' } }
    const changed = await api.call('PUT', path, spec)
    t.like(changed, row.isEditable ? { status: 200 } : refusal)
    t.is(await stateOf(api, job), row.isEditable ? 'ready' : state)
    t.like(await api.call('DELETE', path), row.isEditable ? { status: 200 } : refusal)
    t.is((await api.call('GET', path)).status, row.isEditable ? 404 : 200)
  })

  test(`in ${state}, a flamelet's report that it runs is answered ${row.running}, and one of another state 422`, async (t) => {
    await using stage = await staged(state)
    const { api, job, keys } = stage
    t.is((await report(api, job, keys, 'trainer', 'running')).status, row.running)
    for (const other of ['ready', 'starting', 'deploying', 'stopping', 'applying'])
      t.is((await report(api, job, keys, 'trainer', other)).status, 422)
    t.is((await report(api, job, { ...keys, ...wrong(keys) }, 'trainer', 'running')).status, 403)
  })
}

function isState(name: string): name is State {
  return name in rows
}

const wrong = (keys: Keys) => Object.fromEntries(Object.keys(keys).map((task) => [task, 'wrong']))
