import test from 'ava'
import { all } from '../../../runtime/durable/contract/store-under-test.ts'
import { type ManualClock, manualClock, memoryStore, type Store } from '../../../runtime/index.ts'
import {
  type ControllerStage,
  controllerStage,
  type ScriptedDeployment,
  scriptedDeployer,
} from '../../../test/support/actor-stages.ts'
import { storeJob } from '../../../test/support/stored-job.ts'
import { interruptedStore } from '../../../test/support/stores.ts'

const [user, job] = ['u', 'j']
const beat = 500

/** A server on a shared store, with a clock of its own. */
function serverOn(store: Store, server: string) {
  const clock = manualClock()
  const deployer = scriptedDeployer()
  const stage = controllerStage({ store, deployer, server, shared: true, clock })
  return { stage, clock, deployments: deployer.deployments, [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose]() }
}

async function pass(
  ms: number,
  ...servers: readonly { readonly stage: ControllerStage; readonly clock: ManualClock }[]
) {
  for (let passed = 0; passed < ms; passed += beat)
    for (const { stage, clock } of servers) {
      clock.advance(beat)
      await stage.idle()
    }
}

const asks = (stage: ControllerStage, state: 'starting' | 'stopping') =>
  stage.ask<null>((replyTo) => ({ type: 'ask-job-state', user, job, state, replyTo }))

async function runningOn({ stage, deployments }: ReturnType<typeof serverOn>): Promise<void> {
  await stage.idle()
  await asks(stage, 'starting')
  await stage.idle()
  deployments[0]?.report({ type: 'placed' })
  deployments[0]?.task('aggregator-0', 'running')
  await stage.idle()
}

async function completed(stage: ControllerStage, deployment: ScriptedDeployment | undefined): Promise<void> {
  for (const end of ['aggregator-0', 'trainer-0', 'trainer-1']) deployment?.task(end, 'completed')
  await stage.idle()
}

async function storeWithJob(): Promise<Store> {
  const store = memoryStore()
  await storeJob(store, { user, job })
  return store
}

test('as long as its owner lives a job is left alone; when that is silent, another server goes on with it', async (t) => {
  const store = await storeWithJob()
  await using a = serverOn(store, 'a')
  await using b = serverOn(store, 'b')
  await runningOn(a)
  await pass(20_000, a, b)
  t.is(b.deployments.length, 0)
  // The server stands still, or its process is gone.
  await pass(2_000, b)
  t.is(b.deployments.length, 0)
  await pass(1_500, b)
  t.is(b.deployments.length, 1, 'taken over within 3.5 s')
  t.like(b.deployments[0]?.job, { id: job, takenOver: true, start: a.deployments[0]?.job.start })
  t.like(await b.stage.job(job), { state: 'running', fence: 2 })
  t.deepEqual(
    (await all(store.documents.find('servers'))).map(({ id }) => id),
    ['b'],
  )
})

test('an owner that stalled and wakes up is refused each write, and stops what it had', async (t) => {
  const store = await storeWithJob()
  await using a = serverOn(store, 'a')
  await using b = serverOn(store, 'b')
  await runningOn(a)
  await pass(4_000, b)
  t.is(b.deployments.length, 1)
  const before = await all(store.documents.find('tasks'))
  a.deployments[0]?.task('aggregator-0', 'failed')
  a.deployments[0]?.task('trainer-0', 'completed')
  a.deployments[0]?.report({ type: 'deployment-failed', cause: new Error('it woke up') })
  await a.stage.idle()
  t.deepEqual(await all(store.documents.find('tasks')), before)
  t.like(await b.stage.job(job), { state: 'running', fence: 2 })
  // The server lives again, without the job, and doesn't take the job back.
  await pass(2_000, a, b)
  t.is(a.deployments.length, 1)
  await completed(b.stage, b.deployments[0])
  t.like(await b.stage.job(job), { state: 'completed' })
  t.deepEqual(await all(store.documents.find('leases')), [])
  t.deepEqual(
    (await all(store.documents.find('servers'))).map(({ id }) => id),
    ['a', 'b'],
  )
})

test('an owner that stalled moves the job no more', async (t) => {
  const store = await storeWithJob()
  await using a = serverOn(store, 'a')
  await using b = serverOn(store, 'b')
  await a.stage.idle()
  await asks(a.stage, 'starting')
  await a.stage.idle()
  await pass(4_000, b)
  a.deployments[0]?.report({ type: 'placed' })
  await a.stage.idle()
  t.like(await b.stage.job(job), { state: 'starting', fence: 2 })
  b.deployments[0]?.report({ type: 'placed' })
  await b.stage.idle()
  t.like(await b.stage.job(job), { state: 'deploying', fence: 2 })
})

test('an owner that stalled in the midst of a write changes nothing when it wakes up', async (t) => {
  const store = await storeWithJob()
  let wake = () => {}
  const asleep = new Promise<void>((resolve) => {
    wake = resolve
  })
  let isStalled = false
  const stalling = interruptedStore(store, (_call, when) => (isStalled && when === 'before' ? asleep : undefined))
  await using a = serverOn(stalling, 'a')
  await using b = serverOn(store, 'b')
  await runningOn(a)
  isStalled = true
  a.deployments[0]?.task('trainer-0', 'failed')
  a.deployments[0]?.report({ type: 'deployment-failed', cause: new Error('written too late') })
  await new Promise((resolve) => setImmediate(resolve))
  await pass(4_000, b)
  wake()
  isStalled = false
  await a.stage.idle()
  t.like(await b.stage.job(job), { state: 'running', fence: 2 })
  t.like(await b.stage.tasks(job), { 'trainer-0': 'ready' })
  await completed(b.stage, b.deployments[0])
  t.like(await b.stage.job(job), { state: 'completed' })
})

test('a server that closes hands over at once', async (t) => {
  const store = await storeWithJob()
  const a = serverOn(store, 'a')
  await using b = serverOn(store, 'b')
  await runningOn(a)
  await pass(1_000, a, b)
  await a.stage.ask<null>((replyTo) => ({ type: 'hand-over', replyTo }))
  await a.stage[Symbol.asyncDispose]()
  await pass(beat, b)
  t.is(b.deployments.length, 1)
})

test('what is asked of one server about a job of another reaches that one', async (t) => {
  const store = await storeWithJob()
  await using a = serverOn(store, 'a')
  await using b = serverOn(store, 'b')
  await runningOn(a)
  const [, task] = a.deployments[0]?.job.tasks ?? []
  await b.stage.ask<null>((replyTo) => ({
    type: 'report-task',
    mayLackKey: false,
    job,
    task: task?.taskId ?? '',
    key: task?.key,
    status: { state: 'running' },
    replyTo,
  }))
  await pass(beat, a, b)
  t.deepEqual(a.deployments[0]?.told, ['task-reported'])
  await asks(b.stage, 'stopping')
  await pass(beat, a, b)
  t.deepEqual(a.deployments[0]?.told, ['task-reported', 'stop'])
  t.like(await a.stage.job(job), { state: 'terminated' })
})

test('what is asked of a server that lost a job while it stalled reaches the one that has it', async (t) => {
  const store = await storeWithJob()
  await using a = serverOn(store, 'a')
  await using b = serverOn(store, 'b')
  await runningOn(a)
  await pass(4_000, b)
  await asks(a.stage, 'stopping')
  await pass(beat, b)
  t.deepEqual(b.deployments[0]?.told, ['stop'])
  t.like(await b.stage.job(job), { state: 'terminated' })
})

test('of several servers one takes a job over', async (t) => {
  const store = await storeWithJob()
  await using a = serverOn(store, 'a')
  await runningOn(a)
  const others = ['b', 'c', 'd'].map((name) => serverOn(store, name))
  for (let passed = 0; passed < 6_000; passed += beat) {
    for (const { clock } of others) clock.advance(beat)
    for (const { stage } of others) await stage.idle()
  }
  t.is(
    others.reduce((sum, { deployments }) => sum + deployments.length, 0),
    1,
  )
  t.is((await all(store.documents.find('leases'))).length, 1)
  for (const { stage } of others) await stage[Symbol.asyncDispose]()
})

test('a change of tasks that a living server has under way is not cleared, one of a dead server is', async (t) => {
  const store = await storeWithJob()
  await using a = serverOn(store, 'a')
  await using b = serverOn(store, 'b')
  await a.stage.idle()
  await store.documents.insert('expansions', [{ id: 'half', fields: { at: '2026-01-02T03:04:05.000Z', server: 'a' } }])
  await pass(5_000, a, b)
  t.is((await all(store.documents.find('expansions'))).length, 1)
  await pass(4_000, b)
  t.deepEqual(await all(store.documents.find('expansions')), [])
})

test('what is started while a server takes its first look is not taken over by itself', async (t) => {
  const store = await storeWithJob()
  let look = () => {}
  const looked = new Promise<void>((resolve) => {
    look = resolve
  })
  const { documents } = store
  const slow: Store = {
    ...interruptedStore(store, () => {}),
    documents: {
      ...interruptedStore(store, () => {}).documents,
      async *find(collection, options) {
        if (collection === 'leases') await looked
        yield* documents.find(collection, options)
      },
    },
  }
  const deployer = scriptedDeployer()
  await using stage = controllerStage({ store: slow, deployer })
  await stage.ask<null>((replyTo) => ({ type: 'ask-job-state', user, job, state: 'starting', replyTo }))
  while (deployer.deployments.length === 0) await new Promise(setImmediate)
  look()
  await stage.idle()
  t.is(deployer.deployments.length, 1)
})
