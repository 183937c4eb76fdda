import test from 'ava'
import { type ActorRef, type ActorSystem, actorSystem, memoryStore, type Store } from '../../../runtime/index.ts'
import { catalogueStage, twoTierCode, twoTierSchema } from '../../../test/support/stored-job.ts'
import { reportDeployment } from '../../catalogue/deployments.ts'
import type { DeploymentStatus } from '../../model/catalogue.ts'
import { type NotifierMessage, notifier } from '../../notifier/notifier.ts'
import { acknowledgeUpTo, keyOf } from '../../notifier/recipients.ts'
import { collectionsOf } from '../../records/collections.ts'
import { tasksOf } from '../../records/job-records.ts'
import type { DeployableJob, DeploymentMessage, DeploymentReport } from '../deployer.ts'
import { type FlameletsParts, flameletsDeployer } from './flamelets-deployer.ts'

const now = () => '2026-01-02T03:04:05.000Z'
const [user, key] = ['u', 'secret']

/** A job with an aggregator anywhere and two trainers on compute `c1`. */
async function storedJob(store: Store): Promise<DeployableJob> {
  await using stage = catalogueStage(store)
  const { ask } = stage
  const registration = { computeId: 'c1', region: 'eu', adminId: 'a', apiKey: key }
  await ask((replyTo) => ({ type: 'register-compute', registration, replyTo }))
  await ask((replyTo) => ({ type: 'create-design', user, info: { id: 'd' }, replyTo }))
  await ask((replyTo) => ({ type: 'add-schema', user, design: 'd', schema: twoTierSchema, replyTo }))
  const archive = { fileName: 'code.zip', bytes: twoTierCode }
  await ask((replyTo) => ({ type: 'add-code', user, design: 'd', archive, replyTo }))
  const info = { url: 'file:///a', dataFormat: 'csv', realm: 'c1' }
  const datasets: string[] = []
  for (let i = 0; i < 2; i++)
    datasets.push(await ask<string>((replyTo) => ({ type: 'create-dataset', user, info, replyTo })))
  const dataSpec = [{ role: 'trainer', datasetGroups: { default: datasets } }]
  const spec = { id: 'j', designId: 'd', backend: 'ws' as const, dataSpec }
  await ask((replyTo) => ({ type: 'create-job', user, spec, replyTo }))
  const collections = collectionsOf(store)
  const job = await collections.jobs.get('j')
  if (!job) throw new Error('the job is stored')
  const { designSerial } = job.value
  const tasks = await tasksOf(collections, job)
  return { id: 'j', run: 'r', start: 's1', takenOver: false, user, spec, designSerial, schema: twoTierSchema, tasks }
}

interface Deployed extends AsyncDisposable {
  readonly deployment: ActorRef<DeploymentMessage>
  readonly reports: readonly string[]
  /** Messages of the events. */
  readonly notices: readonly string[]
  /** Resolves when a report of this beginning was told. */
  reported(beginning: string): Promise<void>
  readonly system: ActorSystem
}

function deployed(
  store: Store,
  job: DeployableJob,
  { stopGraceMs = 60_000, placementMs = 60_000, ...more }: Partial<FlameletsParts> = {},
): Deployed {
  const system = actorSystem({ onFault: () => {} })
  const reports: string[] = []
  const notices: string[] = []
  const waiting = new Set<() => void>()
  const collector = system.spawn<DeploymentReport>('job', () => (report) => {
    const { type } = report
    if (type === 'task-status') reports.push(`${endOf(job, report.task)} ${report.status.state}: ${report.status.log}`)
    else if (type === 'event') notices.push(report.event.type === 'notice' ? report.event.message : report.event.type)
    else if (type === 'deployment-failed') reports.push(`failed: ${String(report.cause)}`)
    else reports.push(type)
    for (const look of waiting) look()
  })
  const notifying = system.spawn<NotifierMessage>('notifier', notifier({ store }))
  const deployer = flameletsDeployer({
    store,
    notifier: notifying,
    now,
    lookAgainMs: 5,
    placementMs,
    stopGraceMs,
    ...more,
  })
  return {
    system,
    reports,
    notices,
    deployment: system.spawn('deployment', deployer.deployment(job, collector), { supervise: { type: 'stop' } }),
    reported: (beginning) =>
      new Promise((resolve) => {
        const look = () => {
          if (reports.some((report) => report.startsWith(beginning))) resolve()
        }
        waiting.add(look)
        look()
      }),
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}

const endOf = ({ tasks }: DeployableJob, id: string) => tasks.find(({ taskId }) => taskId === id)?.end ?? id
const idOf = ({ tasks }: DeployableJob, name: string) => tasks.find(({ end }) => end === name)?.taskId ?? name

/** The waiting notifications of each recipient of the job, by the recipient's name. */
async function told(store: Store, job: DeployableJob): Promise<Record<string, string>> {
  const kept = collectionsOf(store)
  const recipients = [
    ['c1', keyOf({ type: 'compute', compute: 'c1' })],
    ...job.tasks.map(({ end, taskId }) => [end, keyOf({ type: 'task', job: job.id, task: taskId })] as const),
  ] as const
  const found = await Promise.all(
    recipients.map(async ([name, id]) => {
      const waiting = await acknowledgeUpTo(kept, id, 0)
      return [name, waiting.map(({ notification: { type } }) => type).join(' ')] as const
    }),
  )
  return Object.fromEntries(found.filter(([, types]) => types !== ''))
}

/** Reports a status of some ends for compute `c1`, once the deployment's record is there. */
async function computeSays(store: Store, job: DeployableJob, word: DeploymentStatus[string], ...ends: string[]) {
  const collections = collectionsOf(store)
  while ((await collections.deployments.get('c1/j'))?.value.start !== job.start) await new Promise(setImmediate)
  const status = Object.fromEntries(ends.map((end) => [idOf(job, end), word]))
  const parts = { store, now, newId: () => '', newKey: () => '' }
  await reportDeployment(collections, parts, { compute: 'c1', key }, 'j', status)
}

const says = (job: DeployableJob, name: string, state: 'running' | 'completed' | 'terminated') =>
  ({ type: 'task-reported', task: idOf(job, name), status: { state } }) as const

test('each flamelet is told to start once its place is there, and at the end computes take their flamelets away', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await using run = deployed(store, job)
  await computeSays(store, job, 'agentDeploySuccess', 'trainer-0')
  t.deepEqual(run.reports, [])
  await computeSays(store, job, 'agentDeploySuccess', 'trainer-1')
  await run.reported('placed')
  const start = { 'aggregator-0': 'START_JOB', 'trainer-0': 'START_JOB', 'trainer-1': 'START_JOB' }
  t.deepEqual(await told(store, job), { c1: 'ADD_RESOURCE', ...start })
  for (const { end } of job.tasks) run.deployment.tell(says(job, end, 'running'))
  for (const { end } of job.tasks) run.deployment.tell(says(job, end, 'completed'))
  t.is((await run.system.stopped(run.deployment)).cause, undefined)
  t.deepEqual(await told(store, job), { c1: 'ADD_RESOURCE REVOKE_RESOURCE', ...start })
  t.deepEqual(run.reports, ['placed'])
})

test('a job that is deployed again after a crash tells nobody anything twice, acknowledged or not', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  {
    await using run = deployed(store, job)
    await computeSays(store, job, 'agentDeploySuccess', 'trainer-0', 'trainer-1')
    await run.reported('placed')
  }
  const kept = collectionsOf(store)
  await acknowledgeUpTo(kept, keyOf({ type: 'compute', compute: 'c1' }), 1)
  await acknowledgeUpTo(kept, keyOf({ type: 'task', job: 'j', task: idOf(job, 'trainer-0') }), 1)
  {
    await using run = deployed(store, job)
    await run.reported('placed')
    t.deepEqual(await told(store, job), { 'aggregator-0': 'START_JOB', 'trainer-1': 'START_JOB' })
    run.deployment.tell({ type: 'stop' })
    await run.system.stopped(run.deployment)
  }
  await using run = deployed(store, { ...job, start: 's2' })
  await computeSays(store, { ...job, start: 's2' }, 'agentDeploySuccess', 'trainer-0', 'trainer-1')
  await run.reported('placed')
  t.deepEqual(await told(store, job), {
    c1: 'REVOKE_RESOURCE ADD_RESOURCE',
    'aggregator-0': 'START_JOB STOP_JOB START_JOB',
    'trainer-0': 'STOP_JOB START_JOB',
    'trainer-1': 'START_JOB STOP_JOB START_JOB',
  })
})

test('a stop waits for the flamelets that run, and for no other', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await using run = deployed(store, job)
  await computeSays(store, job, 'agentDeploySuccess', 'trainer-0')
  for (const name of ['aggregator-0', 'trainer-0']) run.deployment.tell(says(job, name, 'running'))
  while ((await told(store, job))['trainer-0'] === undefined) await new Promise(setImmediate)
  run.deployment.tell({ type: 'stop' })
  run.deployment.tell(says(job, 'trainer-0', 'terminated'))
  while (!(await told(store, job))['trainer-0']?.includes('STOP')) await new Promise(setImmediate)
  t.is((await told(store, job))['c1'], 'ADD_RESOURCE')
  run.deployment.tell(says(job, 'aggregator-0', 'terminated'))
  await run.system.stopped(run.deployment)
  t.deepEqual(await told(store, job), {
    c1: 'ADD_RESOURCE REVOKE_RESOURCE',
    'aggregator-0': 'START_JOB STOP_JOB',
    'trainer-0': 'START_JOB STOP_JOB',
  })
})

test('flamelets that never say that they have stopped are waited for no longer than the grace', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await using run = deployed(store, job, { stopGraceMs: 10 })
  await computeSays(store, job, 'agentDeploySuccess', 'trainer-0', 'trainer-1')
  await run.reported('placed')
  run.deployment.tell(says(job, 'trainer-0', 'running'))
  run.deployment.tell({ type: 'stop' })
  t.is((await run.system.stopped(run.deployment)).cause, undefined)
  t.is((await told(store, job))['c1'], 'ADD_RESOURCE REVOKE_RESOURCE')
})

test('a task whose flamelet cannot be deployed has failed, and the others start', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await using run = deployed(store, job)
  await computeSays(store, job, 'agentDeployFailed', 'trainer-1')
  await computeSays(store, job, 'agentDeploySuccess', 'trainer-0')
  await run.reported('placed')
  t.deepEqual(run.reports, ['trainer-1 failed: compute c1 could not deploy the flamelet of trainer-1', 'placed'])
  t.deepEqual(Object.keys(await told(store, job)).toSorted(), ['aggregator-0', 'c1', 'trainer-0'])
})

test('a job of which no flamelet can be deployed fails with a cause, and gives back what it asked for', async (t) => {
  const store = memoryStore()
  const whole = await storedJob(store)
  const job = { ...whole, tasks: whole.tasks.filter(({ role }) => role === 'trainer') }
  await using run = deployed(store, job)
  await computeSays(store, job, 'agentDeployFailed', 'trainer-0', 'trainer-1')
  await run.reported('failed')
  await run.system.stopped(run.deployment)
  t.regex(run.reports.at(-1) ?? '', /no flamelet of the job could be deployed; the last: compute c1 could not/)
  t.deepEqual(await told(store, job), { c1: 'ADD_RESOURCE REVOKE_RESOURCE' })
})

test('a compute that never answers is waited for no longer than it may take', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await using run = deployed(store, job, { placementMs: 30 })
  await computeSays(store, job, 'agentDeploySuccess', 'trainer-0')
  await run.reported('placed')
  await run.reported('trainer-1')
  t.deepEqual(run.reports, [
    'placed',
    'trainer-1 failed: compute c1 sent no report on the flamelet of trainer-1 within 0.03 s',
  ])
  t.deepEqual(Object.keys(await told(store, job)).toSorted(), ['aggregator-0', 'c1', 'trainer-0'])
})

test('a task whose compute is gone has failed', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await store.documents.remove('computes', 'c1')
  await using run = deployed(store, job)
  await run.reported('placed')
  t.regex(run.reports.join('\n'), /trainer-0 failed: trainer-0 is to run on compute c1, which is not registered/)
  t.deepEqual(await told(store, job), { 'aggregator-0': 'START_JOB' })
})

test('a compute that may not run a task hears nothing of it, and the task has failed', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await using run = deployed(store, job, { computeAdmins: ['b'] })
  await run.reported('placed')
  t.regex(run.reports.join('\n'), /trainer-0 failed: trainer-0 is to run on compute c1, whose administrator neither/)
  t.deepEqual(await told(store, job), { 'aggregator-0': 'START_JOB' })
})

test('a compute that registers when a job waits for one is told of it, and the job said for whom it waits', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await using run = deployed(store, job)
  while (run.notices.length < 2) await new Promise(setImmediate)
  t.deepEqual(run.notices, [
    'the job waits for the flamelets of aggregator-0: no compute "default" is registered to start them',
    'the job waits for the flamelets of trainer-0, trainer-1, which are to be started on compute c1',
  ])
  await computeSays(store, job, 'agentDeploySuccess', 'trainer-0', 'trainer-1')
  {
    await using stage = catalogueStage(store)
    const registration = { computeId: 'default', region: 'eu', adminId: 'a', apiKey: key }
    await stage.ask((replyTo) => ({ type: 'register-compute', registration, replyTo }))
  }
  const heard = async () => (await acknowledgeUpTo(kept, keyOf({ type: 'compute', compute: 'default' }), 0)).length
  const kept = collectionsOf(store)
  while ((await heard()) === 0) await new Promise(setImmediate)
  const status = { [idOf(job, 'aggregator-0')]: 'agentDeployFailed' } as const
  const parts = { store, now, newId: () => '', newKey: () => '' }
  await reportDeployment(kept, parts, { compute: 'default', key }, 'j', status)
  await run.reported('aggregator-0 failed: compute default could not deploy the flamelet of aggregator-0')
  run.deployment.tell({ type: 'stop' })
  await run.system.stopped(run.deployment)
  const [added, revoked] = await acknowledgeUpTo(kept, keyOf({ type: 'compute', compute: 'default' }), 0)
  t.deepEqual([added?.notification.type, revoked?.notification.type], ['ADD_RESOURCE', 'REVOKE_RESOURCE'])
})

test('a job whose flamelets have joined another server on the store says so, with their names', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await collectionsOf(store).flamelets.put('ward-7', {
    userId: user,
    firstAt: now(),
    registeredAt: now(),
    region: 'eu',
    computeId: 'c1',
    datasets: [],
    mostTasks: 2,
    platform: { runtime: 'node', system: 'linux', arch: 'x64', cores: 1 },
  })
  await using run = deployed(store, job)
  while (run.notices.length < 2) await new Promise(setImmediate)
  t.regex(
    run.notices[1] ?? '',
    /trainer-0, trainer-1; the flamelets ward-7 of compute c1 are not connected to this server/,
  )
})

test('a task that a flamelet has reported waits for no compute any more', async (t) => {
  const store = memoryStore()
  const whole = await storedJob(store)
  const job = { ...whole, tasks: whole.tasks.filter(({ role }) => role === 'aggregator') }
  await using run = deployed(store, job)
  await run.reported('placed')
  run.deployment.tell(says(job, 'aggregator-0', 'running'))
  {
    await using stage = catalogueStage(store)
    const registration = { computeId: 'default', region: 'eu', adminId: 'a', apiKey: key }
    await stage.ask((replyTo) => ({ type: 'register-compute', registration, replyTo }))
  }
  run.deployment.tell(says(job, 'aggregator-0', 'completed'))
  await run.system.stopped(run.deployment)
  t.is(await collectionsOf(store).recipients.get(keyOf({ type: 'compute', compute: 'default' })), undefined)
})

test('an update is told to the tasks that run, and then is placed', async (t) => {
  const store = memoryStore()
  const job = await storedJob(store)
  await using run = deployed(store, job)
  await computeSays(store, job, 'agentDeploySuccess', 'trainer-0', 'trainer-1')
  await run.reported('placed')
  run.deployment.tell(says(job, 'trainer-0', 'completed'))
  run.deployment.tell({ type: 'apply', job })
  while (run.reports.length < 2) await new Promise(setImmediate)
  t.deepEqual(run.reports, ['placed', 'placed'])
  const { 'trainer-0': ended, 'trainer-1': other } = await told(store, job)
  t.deepEqual([ended, other], ['START_JOB', 'START_JOB UPDATE_JOB'])
})
