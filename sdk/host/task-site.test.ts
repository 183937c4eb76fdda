import test from 'ava'
import { type ActorRef, actorSystem, CodedError, memoryStore } from '../../runtime/index.ts'
import { memoryRegistry } from '../registry/memory-registry.ts'
import { fedAvg } from '../strategy/algorithms/server/index.ts'
import { expand } from '../tag/expand.ts'
import { twoTier } from '../tag/topologies.ts'
import { tinyPool } from '../testing/tiny-pool.ts'
import { weightsHash } from '../weights/layout.ts'
import type { Workload } from '../workload/workload.ts'
import { jobModels, type ModelsMessage, type ModelsReply } from './job-models.ts'
import { rendezvous } from './rendezvous.ts'
import type { TaskReport } from './role-task.ts'
import { isRoleKey } from './round-keeper.ts'
import type { HostMessage, SiteMessage, SiteReply } from './site-protocol.ts'
import { type SiteParts, taskSite } from './task-site.ts'

const topology = twoTier({ clients: 2 })
const tasks = expand(topology, { jobId: 'job-1', newKey: () => '' })
const pool = tinyPool({ clients: 2 })
const unused = () => {
  throw new Error('the pool has the learner and the data')
}
const workload: Workload = {
  name: 'job',
  settings: { rounds: 3, clients: 2 },
  topology: () => topology,
  strategy: () => fedAvg(),
  learner: unused,
  data: unused,
}

/** A site, and a server's part of a job, in one system. */
function stage(parts: Partial<SiteParts> = {}) {
  const system = actorSystem()
  const store = memoryStore()
  const replies: SiteReply[] = []
  const reports: TaskReport[] = []
  const rounds: string[] = []
  let wake = () => {}
  const heard =
    <Message>(into: Message[]) =>
    () =>
    (message: Message) => {
      into.push(message)
      wake()
    }
  const site: ActorRef<SiteMessage> = system.spawn(
    'site',
    taskSite({ store, workloadOf: async () => ({ workload, poolOf: async () => pool }), ...parts }),
  )
  const meeting = system.spawn('rendezvous', rendezvous())
  const onRound = async ({ hash }: { readonly hash: string }) => void rounds.push(hash)
  const base = {
    type: 'host',
    rendezvous: meeting,
    reports: system.spawn('reports', heard(reports)),
    models: system.spawn('models', jobModels('run-1', { registry: memoryRegistry(), onRound })),
    replyTo: system.spawn('replies', heard(replies)),
  } as const
  const host = (start: number, ends: readonly string[], more: Partial<HostMessage> = {}): void =>
    site.tell({ ...base, job: { id: 'job-1', run: 'run-1', start, schema: topology.schema, tasks }, ends, ...more })
  return {
    system,
    store,
    site,
    host,
    base,
    replies,
    reports,
    rounds,
    async until(isSo: () => boolean) {
      while (!isSo())
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    },
  }
}

const all = tasks.map(({ end }) => end)
const completed = (reports: readonly TaskReport[], end: string) =>
  reports.filter((report) => report.type === 'task-completed' && report.end === end).length

test('a site hosts tasks until they are released, and then forgets the state of those with data', async (t) => {
  const { system, store, site, host, base, replies, reports, rounds, until } = stage()
  host(1, all)
  await until(() => completed(reports, 'top-aggregator-0') === 1)
  t.is(replies[0]?.type, 'hosting')
  t.is(rounds.length, 3)
  site.tell({ type: 'release', run: 'run-1', forget: true, replyTo: base.replyTo })
  await until(() => replies.some(({ type }) => type === 'released'))
  t.truthy(await store.load('job/run-1/top-aggregator-0'))
  t.true(isRoleKey('run-1', 'job/run-1/trainer-0'))
  t.is(await store.load('job/run-1/trainer-0'), undefined)
  await system.terminate()
})

test('a task that is released, or hosted again, stops alone: the tasks that were told with it run on', async (t) => {
  const { system, site, host, base, replies, reports, rounds, until } = stage()
  const stopped: string[] = []
  system.events.subscribe(({ type, path }) => {
    if (type === 'stopped' && path.endsWith('/trainer-0')) stopped.push(path)
  })
  host(1, ['trainer-0', 'trainer-1'])
  const running = (end: string) =>
    reports.filter((report) => report.type === 'task-running' && report.end === end).length
  await until(() => running('trainer-1') === 1)
  host(1, ['trainer-1'])
  await until(() => running('trainer-1') === 2)
  site.tell({ type: 'release', run: 'run-1', ends: ['trainer-1'], replyTo: base.replyTo })
  await until(() => replies.some(({ type }) => type === 'released'))
  host(1, ['top-aggregator-0', 'trainer-1'])
  await until(() => completed(reports, 'top-aggregator-0') === 1)
  t.is(rounds.length, 3)
  t.is(running('trainer-0'), 1)
  t.deepEqual(stopped, [])
  await system.terminate()
})

test('of a job that a site hosts whole, the rest is hosted anew when a task is released', async (t) => {
  const { system, site, host, base, replies, reports, rounds, until } = stage()
  host(1, all)
  await until(() => rounds.length > 0)
  site.tell({ type: 'release', run: 'run-1', ends: ['trainer-1'], replyTo: base.replyTo })
  await until(() => replies.some(({ type }) => type === 'released'))
  host(1, ['trainer-1'])
  await until(() => completed(reports, 'top-aggregator-0') === 1)
  t.is(rounds.length, 3)
  await system.terminate()
})

test('an earlier start is refused, and a later one restarts the tasks from their state', async (t) => {
  const { system, host, replies, reports, rounds, until } = stage()
  host(2, all)
  await until(() => completed(reports, 'top-aggregator-0') === 1)
  host(1, all)
  await until(() => replies.length === 2)
  t.like(replies[1], { type: 'not-hosting', start: 1, ends: all, cause: { code: 'SITE_START_OLD' } })
  host(3, all)
  await until(() => completed(reports, 'top-aggregator-0') === 2)
  t.is(rounds.length, 3, 'a job that was done does no round again')
  await system.terminate()
})

test('tasks that are told one after the other are hosted together; too many, and unknown ones, are refused', async (t) => {
  const { system, host, replies, reports, until } = stage({ mostTasks: 3 })
  host(1, ['trainer-0'])
  host(1, ['trainer-1'])
  host(1, ['trainer-1', 'top-aggregator-0', 'trainer-0', 'trainer-9'])
  await until(() => replies.some(({ type }) => type === 'not-hosting'))
  t.like(
    replies.find(({ type }) => type === 'not-hosting'),
    { cause: { code: 'SITE_TASK_UNKNOWN' } },
  )
  host(1, ['top-aggregator-0'])
  await until(() => completed(reports, 'top-aggregator-0') === 1)
  const full = stage({ mostTasks: 2 })
  full.host(1, all)
  await full.until(() => full.replies.length === 1)
  t.like(full.replies[0], { cause: { code: 'SITE_FULL' } })
  await Promise.all([system.terminate(), full.system.terminate()])
})

test('tasks stop when their rendezvous has stopped, and a workload that cannot be had is a cause', async (t) => {
  const { system, host, base, replies, reports, until } = stage()
  host(1, ['trainer-0'])
  await until(() => reports.some(({ type }) => type === 'task-running'))
  const events: string[] = []
  system.events.subscribe(({ type, path }) => {
    if (type === 'stopped') events.push(path)
  })
  system.stop(base.rendezvous)
  await system.stopped(base.rendezvous)
  await system.idle()
  t.true(events.includes('/site/tasks-1/tasks/trainer-0'), String(events))
  const broken = stage({ workloadOf: () => Promise.reject(new CodedError('NONE', { message: 'none', hint: '' }, {})) })
  broken.host(1, ['trainer-0'])
  await broken.until(() => broken.replies.length === 1)
  t.like(broken.replies[0], { type: 'not-hosting', cause: { code: 'NONE' } })
  t.is(replies.length, 1)
  await Promise.all([system.terminate(), broken.system.terminate()])
})

test('a model whose weights have changed on the way is refused, and published nowhere', async (t) => {
  const system = actorSystem()
  const registry = memoryRegistry()
  const models: ActorRef<ModelsMessage> = system.spawn(
    'models',
    jobModels('run-1', { registry, onRound: async () => {} }),
  )
  const weights = Float32Array.of(1, 2)
  const layout = { tensors: [{ name: 'w', shape: [2] }], size: 2 }
  const model = { round: 1, workload: 'job', seed: 1, weights, layout, metrics: {}, members: [] }
  const published = (hash: string, given = weights) =>
    system.ask<ModelsReply, ModelsMessage>(
      models,
      (replyTo) => ({ type: 'publish', model: { ...model, weights: given, hash }, replyTo }),
      { timeoutMs: 60_000 },
    )
  const hash = await weightsHash(weights)
  t.like(await published('0'.repeat(64)), { type: 'failed', cause: { code: 'SITE_MODEL_DAMAGED' } })
  t.like(await published(hash, Float32Array.of(1)), { type: 'failed', cause: { code: 'SITE_MODEL_DAMAGED' } })
  t.is(await registry.latest('run-1'), undefined)
  t.deepEqual(await published(hash), { type: 'done' })
  t.is((await registry.latest('run-1'))?.hash, hash)
  await system.terminate()
})
