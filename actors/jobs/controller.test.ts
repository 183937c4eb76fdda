import test from 'ava'
import { all } from '../../runtime/durable/contract/store-under-test.ts'
import { errorFactory, manualClock, memoryStore, type Store } from '../../runtime/index.ts'
import { isRoleKey } from '../../sdk/index.ts'
import { killedStore, lifeOf } from '../../sdk/testing/index.ts'
import {
  type ControllerStage,
  controllerStage,
  type ScriptedDeployment,
  scriptedDeployer,
} from '../../test/support/actor-stages.ts'
import { storeJob } from '../../test/support/stored-job.ts'
import type { JobSpecification } from '../model/job.ts'
import type { AskedState } from '../model/job-states.ts'

const [user, job] = ['u', 'j']
const deployError = errorFactory({ NO_HOST: { message: 'no host has room', hint: 'add one' } })

async function storeWithJob(spec: Partial<JobSpecification> = {}): Promise<Store> {
  const store = memoryStore()
  await storeJob(store, { user, job, spec })
  return store
}

const asks = (stage: ControllerStage, state: AskedState, id = job, as = user) =>
  stage.ask<null>((replyTo) => ({ type: 'ask-job-state', user: as, job: id, state, replyTo }))

/** Takes steps with a deployment, and waits after each until the system is idle. */
async function play(stage: ControllerStage, ...steps: readonly (() => unknown)[]): Promise<void> {
  for (const step of steps) {
    await step()
    await stage.idle()
  }
}

const states = async (stage: ControllerStage) =>
  (await stage.events(user, job)).flatMap(({ event }) => (event.type === 'state' ? [event.state] : []))
const leases = (store: Store) => all(store.documents.find('leases'))
const ends = ['aggregator-0', 'trainer-0', 'trainer-1']

test('a job is brought from its start to its end, with its tasks, its times and its events', async (t) => {
  const store = await storeWithJob()
  const deployer = scriptedDeployer()
  await using stage = controllerStage({ store, deployer })
  await play(stage, () => asks(stage, 'starting'))
  t.like(await stage.job(job), { state: 'starting', run: job })
  const [deployment] = deployer.deployments
  t.like(deployment?.job, { id: job, run: job, user, takenOver: false })
  t.deepEqual(
    deployment?.job.tasks.map(({ end }) => end),
    ends,
  )

  await play(stage, () => deployment?.report({ type: 'placed' }))
  t.like(await stage.job(job), { state: 'deploying' })
  await play(stage, () => deployment?.task('trainer-0', 'running'))
  t.like(await stage.job(job), { state: 'running' })
  t.deepEqual(await stage.tasks(job), { 'aggregator-0': 'ready', 'trainer-0': 'running', 'trainer-1': 'ready' })

  const recorded = { type: 'round', round: 1, metrics: {}, hash: 'h', members: [], seconds: 1 } as const
  await play(
    stage,
    () => deployment?.report({ type: 'event', event: recorded }),
    () => deployment?.task('trainer-0', 'completed'),
    () => deployment?.task('trainer-1', 'failed'),
    () => deployment?.task('aggregator-0', 'completed'),
  )
  t.deepEqual(deployment?.told, ['stop'])
  const ended = await stage.job(job)
  t.like(ended, { state: 'completed', startedAt: ended.endedAt })
  t.deepEqual(await leases(store), [])
  const events = await stage.events(user, job)
  t.deepEqual(
    events.map(({ event }) => ('state' in event ? event.state : event.type)),
    ['starting', 'deploying', 'running', 'running', 'round', 'completed', 'failed', 'completed', 'completed'],
  )
})

const forgotten: readonly [forgetsEnded: boolean, trainers: 'completed' | 'failed', ends: readonly string[]][] = [
  [false, 'failed', []],
  [false, 'completed', ['trainer-0', 'trainer-1']],
  [true, 'failed', ends],
  [true, 'completed', ends],
]
for (const [forgetsEnded, trainers, expected] of forgotten)
  test(`where ended jobs are ${forgetsEnded ? '' : 'not '}forgotten, one whose trainers ${trainers} leaves ${3 - expected.length} states of roles`, async (t) => {
    const store = await storeWithJob()
    const removed: string[] = []
    const remove = store.remove.bind(store)
    store.remove = (key) => {
      if (isRoleKey(job, key)) removed.push(key.split('/').at(-1) ?? '')
      return remove(key)
    }
    const deployer = scriptedDeployer()
    await using stage = controllerStage({ store, deployer, forgetsEnded })
    await play(stage, () => asks(stage, 'starting'))
    const [deployment] = deployer.deployments
    await play(
      stage,
      () => deployment?.report({ type: 'placed' }),
      () => deployment?.task('trainer-0', trainers),
      () => deployment?.task('trainer-1', trainers),
      () => deployment?.task('aggregator-0', 'completed'),
    )
    t.like(await stage.job(job), { state: trainers })
    t.deepEqual(removed.toSorted(), [...expected])
    t.true((await stage.events(user, job)).length > 0, 'events stay')
  })

/** Ways to end a running job, with the expected end. */
const endings: Readonly<
  Record<
    string,
    readonly [(deployment: ScriptedDeployment | undefined) => void, 'completed' | 'failed', string | undefined]
  >
> = {
  'all tasks of one role failed, though others run': [
    (deployment) => {
      deployment?.task('trainer-0', 'failed')
      deployment?.task('trainer-1', 'failed', 'some output\nno room for it')
    },
    'failed',
    'JOB_ROLE_FAILED',
  ],
  'no task runs, and a role has none completed': [
    (deployment) => {
      deployment?.task('trainer-0', 'completed')
      deployment?.task('trainer-1', 'completed')
      deployment?.task('aggregator-0', 'terminated')
    },
    'failed',
    'JOB_ROLE_UNFINISHED',
  ],
  'each role has a completed task, and one task failed': [
    (deployment) => {
      deployment?.task('aggregator-0', 'completed')
      deployment?.task('trainer-1', 'failed')
      deployment?.task('trainer-0', 'completed')
    },
    'completed',
    undefined,
  ],
  'its deployment says that it failed': [
    (deployment) => deployment?.report({ type: 'deployment-failed', cause: deployError('NO_HOST') }),
    'failed',
    'NO_HOST',
  ],
  'its deployment breaks': [(deployment) => deployment?.end(new Error('broken')), 'failed', 'JOB_DEPLOYMENT_FAILED'],
  'its deployment stops before its tasks have ended': [
    (deployment) => deployment?.end(),
    'failed',
    'JOB_ROLE_UNFINISHED',
  ],
}
for (const [title, [happens, state, code]] of Object.entries(endings))
  test(`of a job it's told how it ended, when ${title}`, async (t) => {
    const store = await storeWithJob()
    const deployer = scriptedDeployer()
    await using stage = controllerStage({ store, deployer })
    await play(
      stage,
      () => asks(stage, 'starting'),
      () => deployer.deployments[0]?.report({ type: 'placed' }),
      () => deployer.deployments[0]?.task('aggregator-0', 'running'),
      () => happens(deployer.deployments[0]),
    )
    const found = await stage.job(job)
    t.is(found.state, state)
    if (code === undefined) t.is(found.cause, undefined)
    else t.like(found.cause, { code })
    const last = (await stage.events(user, job)).at(-1)?.event
    t.like(last, code === undefined ? { type: 'state', state } : { type: 'state', state, cause: { code } })
    t.false(Object.values(await stage.tasks(job)).some((task) => task === 'running' || task === 'ready'))
    t.deepEqual(await leases(store), [])
  })

test('a deployment that fails before anything is placed fails the job, and the logs of its tasks say why', async (t) => {
  const deployer = scriptedDeployer()
  const store = await storeWithJob()
  await using stage = controllerStage({ store, deployer })
  const cause = deployError('NO_HOST')
  await play(
    stage,
    () => asks(stage, 'starting'),
    () => deployer.deployments[0]?.report({ type: 'deployment-failed', cause }),
  )
  t.like(await stage.job(job), {
    state: 'failed',
    cause: { code: 'NO_HOST', message: 'no host has room', hint: 'add one' },
  })
  t.deepEqual(
    (await all(store.documents.find('tasks'))).map(({ fields: { state, log } }) => `${state} ${log}`),
    ends.map(() => 'terminated NO_HOST: no host has room'),
  )
})

test("of a long log of a task the lines at its end are kept, below one that says what isn't", async (t) => {
  const deployer = scriptedDeployer()
  const store = await storeWithJob()
  await using stage = controllerStage({ store, deployer })
  await play(
    stage,
    () => asks(stage, 'starting'),
    () => deployer.deployments[0]?.report({ type: 'placed' }),
  )
  const { taskId = '', key = '' } = deployer.deployments[0]?.job.tasks[0] ?? {}
  const keptOf = async (log: string) => {
    const status = { state: 'running', log } as const
    const sent = { type: 'report-task', job, task: taskId, key, mayLackKey: false, status } as const
    await stage.ask<null>((replyTo) => ({ ...sent, replyTo }))
    const found = (await all(store.documents.find('tasks'))).find(({ fields }) => fields.taskId === taskId)
    return String(found?.fields.log)
  }
  t.is(await keptOf('short'), 'short')
  const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index} ä`)
  const kept = (await keptOf(lines.join('\n'))).split('\n')
  t.is(kept[0], `(the log was cut: this is the end of ${Buffer.byteLength(lines.join('\n'))} bytes)`)
  t.deepEqual(kept.slice(1), lines.slice(1 - kept.length))
  t.true(kept.length > 1000 && Buffer.byteLength(kept.join('\n')) < 66 * 1024)
  const oneLine = await keptOf('ä'.repeat(50_000))
  t.regex(oneLine, /^\(the log was cut: this is the end of 100000 bytes\)\nä+$/)
})

test('a job that is stopped is terminated once its tasks have ended, and goes on in the same run when it is started again', async (t) => {
  const deployer = scriptedDeployer({ stops: false })
  await using stage = controllerStage({ store: await storeWithJob(), deployer })
  const first = () => deployer.deployments[0]
  await play(
    stage,
    () => asks(stage, 'starting'),
    () => first()?.report({ type: 'placed' }),
    () => first()?.task('trainer-0', 'running'),
    () => asks(stage, 'stopping'),
  )
  t.like(await stage.job(job), { state: 'stopping' })
  t.deepEqual(first()?.told, ['stop'])
  await play(
    stage,
    () => first()?.task('trainer-0', 'terminated'),
    () => first()?.end(),
  )
  t.like(await stage.job(job), { state: 'terminated' })
  t.deepEqual(new Set(Object.values(await stage.tasks(job))), new Set(['terminated']))

  await play(stage, () => asks(stage, 'starting'))
  const again = deployer.deployments[1]
  t.is(again?.job.run, job)
  t.not(again?.job.start, first()?.job.start)
  t.deepEqual(new Set(Object.values(await stage.tasks(job))), new Set(['ready']))
  t.is((await stage.job(job)).endedAt, undefined)
  await play(
    stage,
    () => again?.report({ type: 'placed' }),
    ...ends.map((end) => () => again?.task(end, 'completed')),
    () => again?.end(),
  )
  t.like(await stage.job(job), { state: 'completed' })

  await play(stage, () => asks(stage, 'starting'))
  t.is(deployer.deployments[2]?.job.run, `${job}~2`, 'after its completion it begins anew')
})

test('what may not be asked for is refused, and changes nothing', async (t) => {
  const store = await storeWithJob()
  const deployer = scriptedDeployer()
  await using stage = controllerStage({ store, deployer })
  await t.throwsAsync(asks(stage, 'stopping'), { code: 'JOB_STATE' })
  await t.throwsAsync(asks(stage, 'applying'), { code: 'JOB_STATE' })
  await t.throwsAsync(asks(stage, 'starting', 'unknown'), { code: 'JOB_NOT_FOUND' })
  await t.throwsAsync(asks(stage, 'starting', job, 'someone'), { code: 'JOB_NOT_FOUND' })
  t.like(await stage.job(job), { state: 'ready' })
  const asked = await Promise.allSettled([asks(stage, 'starting'), asks(stage, 'starting'), asks(stage, 'starting')])
  t.deepEqual(asked.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected'])
  await stage.idle()
  t.is(deployer.deployments.length, 1)
})

test('an update is rolled out while the job runs', async (t) => {
  const deployer = scriptedDeployer()
  await using stage = controllerStage({ store: await storeWithJob(), deployer })
  const deployment = () => deployer.deployments[0]
  await play(
    stage,
    () => asks(stage, 'starting'),
    () => deployment()?.report({ type: 'placed' }),
    () => deployment()?.task('trainer-0', 'running'),
    () => asks(stage, 'applying'),
  )
  t.deepEqual(deployment()?.told, ['apply'])
  t.like(await stage.job(job), { state: 'applying' })
  await play(stage, () => deployment()?.report({ type: 'placed' }))
  t.like(await stage.job(job), { state: 'running' })
})

test('a job whose maximal run time has passed is terminated, also when it was resumed', async (t) => {
  const store = await storeWithJob({ maxRunTime: 60 })
  const began = Date.parse('2026-01-02T03:04:05.000Z')
  const clock = manualClock()
  const now = () => new Date(began + clock.now()).toISOString()
  {
    const deployer = scriptedDeployer()
    await using stage = controllerStage({ store, deployer, clock, now })
    await play(stage, () => asks(stage, 'starting'))
    clock.advance(50_000)
    await play(
      stage,
      () => deployer.deployments[0]?.report({ type: 'placed' }),
      () => deployer.deployments[0]?.task('trainer-0', 'running'),
      () => clock.advance(40_000),
    )
    t.like(await stage.job(job), { state: 'running' })
  }
  const deployer = scriptedDeployer()
  await using stage = controllerStage({ store, deployer, clock, now })
  await stage.idle()
  await play(stage, () => clock.advance(19_000))
  t.like(await stage.job(job), { state: 'running' })
  await play(stage, () => clock.advance(1_000))
  t.like(await stage.job(job), { state: 'terminated', cause: { code: 'JOB_TIME_OVER' } })
  t.deepEqual(deployer.deployments[0]?.told, ['stop'])
})

test('when slots are short, jobs get them by priority and then in the order of their starts', async (t) => {
  const store = memoryStore()
  const order = [
    ['a', 'low'],
    ['b', 'low'],
    ['c', 'medium'],
    ['d', 'high'],
    ['e', undefined],
  ] as const
  for (const [id, priority] of order)
    await storeJob(store, { user, job: id, spec: priority === undefined ? {} : { priority } })
  const deployer = scriptedDeployer({ slots: 1 })
  let seconds = 0
  const now = () => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds++)).toISOString()
  await using stage = controllerStage({ store, deployer, now })
  for (const [id] of order) await play(stage, () => asks(stage, 'starting', id))
  t.deepEqual(
    deployer.deployments.map((deployment) => deployment.job.id),
    ['a'],
  )
  t.like(await stage.job('c'), { state: 'starting' })
  await play(stage, () => asks(stage, 'stopping', 'b'))
  t.like(await stage.job('b'), { state: 'terminated' }, 'one that waits can be stopped')
  for (let ended = 0; ended < 4; ended++)
    await play(stage, () =>
      deployer.deployments.at(-1)?.report({ type: 'deployment-failed', cause: deployError('NO_HOST') }),
    )
  t.deepEqual(
    deployer.deployments.map((deployment) => deployment.job.id),
    ['a', 'd', 'c', 'e'],
  )
})

const report = (stage: ControllerStage, task: string, state: 'running' | 'completed' | 'failed', key?: string) =>
  stage.ask<null>((replyTo) => ({
    type: 'report-task',
    mayLackKey: false,
    job,
    task,
    key,
    status: { state, log: `log of ${state}` },
    replyTo,
  }))

test("flamelets' reports are taken with the task's key, moved on, and refused when they contradict what is known", async (t) => {
  const deployer = scriptedDeployer()
  await using stage = controllerStage({ store: await storeWithJob(), deployer })
  await play(stage, () => asks(stage, 'starting'))
  const [deployment] = deployer.deployments
  const [task] = deployment?.job.tasks ?? []
  const { taskId = '', key = '' } = task ?? {}
  await t.throwsAsync(report(stage, taskId, 'running'), { code: 'TASK_KEY_MISSING' })
  await t.throwsAsync(report(stage, taskId, 'running', 'x'), { code: 'TASK_KEY_WRONG' })
  await t.throwsAsync(report(stage, 'x', 'running', key), { code: 'TASK_UNKNOWN' })
  await play(
    stage,
    () => deployment?.report({ type: 'placed' }),
    () => report(stage, taskId, 'running', key),
  )
  t.like(await stage.job(job), { state: 'running' })
  t.like(await stage.tasks(job), { 'aggregator-0': 'running' })
  t.deepEqual(deployment?.told, ['task-reported'])
  await play(
    stage,
    () => report(stage, taskId, 'completed', key),
    () => report(stage, taskId, 'completed', key),
  )
  await t.throwsAsync(report(stage, taskId, 'failed', key), { code: 'TASK_ENDED' })
  await t.throwsAsync(report(stage, taskId, 'running', key), { code: 'TASK_ENDED' })
  await play(
    stage,
    () => deployment?.task('trainer-0', 'completed'),
    () => deployment?.task('trainer-1', 'completed'),
  )
  t.like(await stage.job(job), { state: 'completed' })
  t.is(await report(stage, taskId, 'completed', key), null, 'said again, it is known')
})

test('a task without a key takes the first that is shown', async (t) => {
  const store = await storeWithJob()
  const [{ id = '', version = 0, fields = {} } = {}] = await all(store.documents.find('tasks'))
  await store.documents.replace('tasks', id, version, { ...fields, key: '' })
  const deployer = scriptedDeployer()
  await using stage = controllerStage({ store, deployer })
  await play(stage, () => asks(stage, 'starting'))
  const task = String(fields.taskId)
  t.is(await report(stage, task, 'running', 'first'), null)
  await t.throwsAsync(report(stage, task, 'running', 'second'), { code: 'TASK_KEY_WRONG' })
})

test('a job whose actor fails again and again has failed, and no other job hears of it', async (t) => {
  const store = memoryStore()
  for (const id of ['broken', 'sound']) await storeJob(store, { user, job: id })
  const deployer = scriptedDeployer()
  const clock = manualClock()
  let asked = 0
  const choosing = {
    deployment: (...given: Parameters<typeof deployer.deployment>) => {
      if (given[0].id !== 'broken') return deployer.deployment(...given)
      asked += 1
      throw new Error('a fault of the deployer')
    },
  }
  await using stage = controllerStage({ store, deployer: choosing, clock })
  await play(
    stage,
    () => asks(stage, 'starting', 'sound'),
    () => asks(stage, 'starting', 'broken'),
  )
  for (let step = 0; step < 20; step++) await play(stage, () => clock.advance(1000))
  t.true(asked > 1, 'it was tried again')
  t.like(await stage.job('broken'), { state: 'failed', cause: { code: 'JOB_FAULT' } })
  t.like(await stage.job('sound'), { state: 'starting' })
  await play(stage, () => deployer.deployments[0]?.report({ type: 'placed' }))
  t.like(await stage.job('sound'), { state: 'deploying' })
})

test('a job that failed by faults of its actor tells what still runs of it to stop', async (t) => {
  const store = await storeWithJob()
  const deployer = scriptedDeployer()
  const clock = manualClock()
  await using stage = controllerStage({ store, deployer, clock })
  await play(
    stage,
    () => asks(stage, 'starting'),
    () => deployer.deployments[0]?.report({ type: 'placed' }),
    () => deployer.deployments[0]?.task('aggregator-0', 'running'),
  )
  for (let fault = 1; fault <= 5; fault++) {
    await play(stage, () => deployer.deployments.at(-1)?.task('nobody', 'running'))
    for (let step = 0; step < 3; step++) await play(stage, () => clock.advance(1000))
  }
  t.deepEqual(deployer.deployments.at(-1)?.told, ['stop'])
  t.like(await stage.job(job), { state: 'failed', cause: { code: 'TASK_UNKNOWN' } })
})

/** A job's whole life. Each step begins once the system is idle. */
async function live(stage: ControllerStage, deployments: readonly ScriptedDeployment[]): Promise<void> {
  const last = () => deployments.at(-1)
  await play(
    stage,
    () => asks(stage, 'starting').catch(() => {}),
    () => last()?.report({ type: 'placed' }),
    () => last()?.task('aggregator-0', 'running'),
    ...ends.map((end) => () => last()?.task(end, 'completed')),
  )
}

test('a server that ends at any of its writes: the next one goes on with the job in the state that it had', async (t) => {
  let steps = 0
  const resumedIn = new Set<unknown>()
  for (let finished = false; !finished; steps++) {
    for (const endsAfter of [false, true]) {
      const store = await storeWithJob()
      const life = lifeOf(steps + 1, endsAfter)
      {
        const deployer = scriptedDeployer()
        await using stage = controllerStage({ store: killedStore(store, life), deployer })
        await live(stage, deployer.deployments)
      }
      finished = !life.ended
      const deployer = scriptedDeployer()
      await using stage = controllerStage({ store, deployer })
      await stage.idle()
      const { state, start } = await stage.job(job)
      resumedIn.add(state)
      const at = `${steps} ${endsAfter} ${String(state)}`
      const [deployment] = deployer.deployments
      if (state !== 'ready' && state !== 'completed') {
        t.is(deployment?.job.start, String(start), at)
        t.is(String((await states(stage)).at(-1)), String(state), at)
        await play(
          stage,
          () => deployment?.report({ type: 'placed' }),
          ...ends.map((end) => () => deployment?.task(end, 'completed')),
        )
      } else t.deepEqual(deployment?.told ?? ['stop'], ['stop'], at)
      if (state === 'ready') continue
      t.like(await stage.job(job), { state: 'completed' }, at)
      t.is((await states(stage)).at(-1), 'completed', at)
      t.deepEqual(await leases(store), [], at)
    }
  }
  t.deepEqual([...resumedIn].toSorted(), ['completed', 'deploying', 'ready', 'running', 'starting'])
})

test('a server goes on with those jobs alone that it is to, and leaves the others as they are', async (t) => {
  const store = await storeWithJob()
  await storeJob(store, { user, job: 'other' })
  {
    await using stage = controllerStage({ store, deployer: scriptedDeployer() })
    await play(
      stage,
      () => asks(stage, 'starting'),
      () => asks(stage, 'starting', 'other'),
    )
  }
  {
    const deployer = scriptedDeployer()
    await using stage = controllerStage({ store, deployer, goesOnWith: async (id) => id === 'other' })
    await stage.idle()
    t.deepEqual(
      deployer.deployments.map((deployment) => deployment.job.id),
      ['other'],
    )
    t.like(await stage.job(job), { state: 'starting' })
  }
  const deployer = scriptedDeployer()
  await using stage = controllerStage({ store, deployer })
  await stage.idle()
  t.deepEqual(deployer.deployments.map((deployment) => deployment.job.id).toSorted(), [job, 'other'])
})

test('a server that goes on only with a job under way starts a job whose start was cut off at any write', async (t) => {
  let cutOff = 0
  for (let steps = 1, isOver = false; !isOver; steps++)
    for (const endsAfter of [false, true]) {
      const store = await storeWithJob()
      const life = lifeOf(steps, endsAfter)
      const at = `${steps} ${endsAfter}`
      {
        const deployer = scriptedDeployer()
        await using stage = controllerStage({ store: killedStore(store, life), deployer })
        await live(stage, deployer.deployments)
      }
      isOver = !life.ended
      {
        const deployer = scriptedDeployer()
        const { state } = Object((await store.documents.get('jobs', job))?.fields)
        await using stage = controllerStage({ store, deployer, goesOnWith: () => state !== 'ready' })
        await stage.idle()
        if (state === 'ready') {
          if ((await leases(store)).length > 0) cutOff += 1
          await t.notThrowsAsync(asks(stage, 'starting'), at)
        }
        await stage.idle()
        const [deployment] = deployer.deployments
        await play(
          stage,
          () => deployment?.report({ type: 'placed' }),
          ...ends.map((end) => () => deployment?.task(end, 'completed')),
        )
        t.like(await stage.job(job), { state: 'completed' }, at)
      }
      await using stage = controllerStage({ store, deployer: scriptedDeployer(), goesOnWith: () => false })
      await stage.idle()
      t.deepEqual(await leases(store), [], at)
    }
  t.true(cutOff > 0)
})
