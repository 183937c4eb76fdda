import { setTimeout } from 'node:timers/promises'
import { compute, go, preparedJob, withKey } from './fixtures.ts'
import type { DeclareTest, OpenStage, Stage } from './stage.ts'

interface PlacedTask {
  readonly compute: string
  readonly task: string
  readonly key: string
}

/** The tasks of a job, on the computes that are to run them. */
async function placedTasks({ call }: Stage, job: string): Promise<PlacedTask[]> {
  const placed = ['c1', 'default'].map(async (name) => {
    const { body } = await call('GET', `/computes/${name}/deployments/${job}/config`, withKey)
    return Object.entries<string>(Object(body).agentKVs).map(([task, key]) => ({ compute: name, task, key }))
  })
  return (await Promise.all(placed)).flat()
}

async function reaches({ call }: Stage, job: string, state: string): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const { body } = await call('GET', `/users/u/jobs/${job}/status`)
    const status: Record<string, unknown> = Object(body)
    if (status.state === state) return status
    await setTimeout(10)
  }
}

/** Reports as the original's flamelets do: without a key. */
const report = ({ call }: Stage, job: string, { task }: PlacedTask, state: string) =>
  call('PUT', `/jobs/${job}/${task}/task/status`, { body: go.taskStatus({ state }) })

/** Makes a job and asks for its start. Answers with the job and its tasks. */
async function started(stage: Stage): Promise<{ readonly job: string; readonly tasks: readonly PlacedTask[] }> {
  await stage.call('POST', '/computes', { body: compute('default') })
  const job = await preparedJob(stage)
  const tasks = await placedTasks(stage, job)
  await stage.call('PUT', `/users/u/jobs/${job}/status`, { body: go.jobStatus({ id: job, state: 'starting' }) })
  return { job, tasks }
}

/**
 * Reports every task as deployed, until the controller has heard the reports: a new start may still delete earlier
 * reports.
 */
async function deployed(stage: Stage, job: string, tasks: readonly PlacedTask[]): Promise<void> {
  for (;;) {
    // Read before the reports: reports of an earlier start may be deleted meanwhile.
    const { body } = await stage.call('GET', `/users/u/jobs/${job}/status`)
    for (const { compute: name, task } of tasks) {
      const status = { ...withKey, body: { [task]: 'agentDeploySuccess' } }
      await stage.call('PUT', `/computes/${name}/deployments/${job}/status`, status)
    }
    if (Object(body).state !== 'starting') return
    await setTimeout(20)
  }
}

export function lifecycleConformance(test: DeclareTest, open: OpenStage): void {
  test('jobs: started, deployed, run by flamelets, and completed', async (t) => {
    await using stage = await open()
    const { call } = stage
    await call('POST', '/computes', { body: compute('default') })
    const job = await preparedJob(stage)
    const path = `/users/u/jobs/${job}`
    const ask = (state: string, at = path) => call('PUT', `${at}/status`, { body: go.jobStatus({ id: job, state }) })
    t.is((await ask('stopping')).status, 409)
    for (const state of ['running', 'completed', '']) t.is((await ask(state)).status, 422, state)
    t.is((await ask('starting', `/users/v/jobs/${job}`)).status, 404)
    const tasks = await placedTasks(stage, job)
    const [first] = tasks
    t.is((first && (await report(stage, job, first, 'running')))?.status, 409)
    t.like(await ask('starting'), { status: 200, body: null })
    t.is((await ask('starting')).status, 409)

    t.is(tasks.length, 3)
    await deployed(stage, job, tasks)
    await reaches(stage, job, 'deploying')
    t.like((await call('GET', '/jobs/c1', withKey)).body, [{ id: job, state: 'deploying' }])
    const there = tasks.filter(({ compute: name }) => name === 'c1').map(({ task }) => [task, 'agentDeploySuccess'])
    t.deepEqual((await call('GET', `/computes/c1/deployments/${job}/status`, withKey)).body, Object.fromEntries(there))
    t.deepEqual((await call('GET', '/computes/c1/deployments', withKey)).body, [Object.fromEntries(there)])
    const unknown = { ...withKey, body: { none: 'agentDeploySuccess' } }
    t.is((await call('PUT', `/computes/c1/deployments/${job}/status`, unknown)).status, 404)

    for (const task of tasks) t.like(await report(stage, job, task, 'running'), { status: 201, body: null })
    const running = await reaches(stage, job, 'running')
    t.truthy(running.startedAt)
    const spec = (await call('GET', path)).body
    t.is((await call('PUT', path, { body: spec })).status, 409)
    t.is((await call('DELETE', path)).status, 409)
    for (const state of ['ready', 'deploying']) t.is((first && (await report(stage, job, first, state)))?.status, 422)
    t.is((first && (await report(stage, job, { ...first, task: 'none' }, 'running')))?.status, 404)

    const log = { body: go.taskStatus({ state: 'completed', log: 'the end' }) }
    for (const { task } of tasks) t.is((await call('PUT', `/jobs/${job}/${task}/task/status/`, log)).status, 201)
    const completed = await reaches(stage, job, 'completed')
    t.truthy(completed.endedAt)
    t.like((await call('GET', `${path}/tasks/${first?.task}`)).body, { state: 'completed', log: 'the end' })
    t.deepEqual((await call('GET', '/jobs/c1', withKey)).body, [])
    t.is((await call('DELETE', path)).status, 200)
  })

  test('jobs: stopped while they run, and failed by their tasks', async (t) => {
    await using stage = await open()
    const { job, tasks } = await started(stage)
    const ask = (state: string) =>
      stage.call('PUT', `/users/u/jobs/${job}/status`, { body: go.jobStatus({ id: job, state }) })
    await deployed(stage, job, tasks)
    for (const task of tasks) await report(stage, job, task, 'running')
    await reaches(stage, job, 'running')
    t.is((await ask('stopping')).status, 200)
    for (const task of tasks) await report(stage, job, task, 'terminated')
    t.truthy((await reaches(stage, job, 'terminated')).endedAt)

    t.is((await ask('starting')).status, 200)
    await deployed(stage, job, tasks)
    for (const task of tasks) await report(stage, job, task, 'running')
    await reaches(stage, job, 'running')
    for (const task of tasks) await report(stage, job, task, 'failed')
    t.truthy((await reaches(stage, job, 'failed')).endedAt)
  })
}
