import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { memoryStore, type Store, systemClock } from '../../../runtime/index.ts'
import {
  hierarchical,
  inlinePool,
  type ModelRegistry,
  memoryRegistry,
  type Schema,
  type Settings,
  stockRoles,
  twoTier,
} from '../../../sdk/index.ts'
import { loadWorkload } from '../../../sdk/node/index.ts'
import { registryError } from '../../../sdk/registry/errors.ts'
import { rehearse } from '../../../sdk/testing/index.ts'
import { controllerStage } from '../../../test/support/actor-stages.ts'
import { slowWorkload, storeJob, zipped } from '../../../test/support/stored-job.ts'
import { interruptedStore } from '../../../test/support/stores.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import type { JobSpecification } from '../../model/job.ts'
import type { NumberedEvent } from '../../model/job-event.ts'
import type { DeploymentObserver } from '../tasks-deployment.ts'
import { archivedWorkloads } from './archived-workloads.ts'
import { inProcessDeployer } from './in-process-deployer.ts'

const [user, job] = ['u', 'j']
const clients = 4
const rounds = 6

const workloadText = slowWorkload({ fraction: 0.5 })
const topology = twoTier({ clients })
const code = zipped({ 'top-aggregator/README': '-', 'trainer/workload.js': workloadText })
const spec = (modelSpec: JobSpecification['modelSpec'] = {}): Partial<JobSpecification> => ({
  modelSpec: { ...modelSpec, hyperparameters: { rounds, seed: 7, ...modelSpec?.hyperparameters } },
})

async function storeWithJob(given: Partial<JobSpecification> = spec(), archive = code): Promise<Store> {
  const store = memoryStore()
  await storeJob(store, { user, job, schema: topology.schema, code: archive, clients, spec: given })
  return store
}

interface Server {
  readonly store: Store
  readonly folder: string
  readonly registry?: ModelRegistry
  readonly workers?: number
  readonly observer?: DeploymentObserver
  /** The server shares the store with others. */
  readonly shared?: { readonly beatMs: number; readonly deadAfterMs: number }
}

function serverOn({ store, folder, registry = memoryRegistry(), workers = 0, observer, shared }: Server) {
  const source = archivedWorkloads({ store, folder })
  const deployer = inProcessDeployer({ store, registry, source, workers, ...(observer ? { observer } : {}) })
  const stage = controllerStage({
    store,
    deployer,
    clock: systemClock(),
    now: () => new Date().toISOString(),
    ...(shared === undefined ? {} : { shared: true, ...shared }),
  })
  const ask = (state: 'starting' | 'stopping') =>
    stage.ask<null>((replyTo) => ({ type: 'ask-job-state', user, job, state, replyTo }))
  /** Waits for an event after a number that fits. */
  const event = async (fits: (event: NumberedEvent['event']) => boolean, after = 0) => {
    for (;;) {
      const found = (await stage.events(user, job)).find(({ number, event }) => number > after && fits(event))
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const isEnd = ({ type, ...rest }: NumberedEvent['event']) =>
    type === 'state' && 'state' in rest && ['completed', 'failed', 'terminated'].includes(String(rest.state))
  const hashes = async () => {
    const found = (await stage.events(user, job)).flatMap(({ event }) => (event.type === 'round' ? [event] : []))
    return new Map(found.map(({ round, hash }) => [round, hash]))
  }
  return {
    stage,
    ask,
    event,
    ended: (after?: number) => event(isEnd, after),
    hashes,
    registry,
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  }
}

/** The hashes of the same job, run by `flamectl run`. */
async function reference(folder: string, changes: Partial<Settings> = {}): Promise<string[]> {
  await mkdir(join(folder, 'reference'))
  await writeFile(join(folder, 'reference', 'workload.mjs'), workloadText)
  const { workload } = await loadWorkload(join(folder, 'reference'))
  const settings = { ...workload.settings, rounds, clients, ...changes }
  const run = await rehearse({
    topology,
    strategy: workload.strategy(settings),
    pool: await inlinePool(workload, settings, 7),
    store: memoryStore(),
    rounds,
    seed: 7,
    roles: stockRoles,
  })
  return run.rounds.map(({ hash }) => hash)
}

test("a job of the catalogue runs from its design's code to the weights that flamectl run gives", async (t) => {
  await using folder = await temporaryFolder()
  const store = await storeWithJob()
  await using server = serverOn({ store, folder: folder.path, workers: 2 })
  await server.ask('starting')
  await server.ended()
  t.like(await server.stage.job(job), { state: 'completed' })
  t.deepEqual([...(await server.hashes()).values()], await reference(folder.path))
  t.deepEqual(await server.registry.list(job), [1, 2, 3, 4, 5, 6])
  const { design, algorithm, arithmetic } = await server.registry.describe(job, 6)
  t.like(await server.stage.job(job), { spec: { designId: design } })
  t.like(algorithm, { name: 'fedavg', settings: { rounds, clients } })
  t.is(arithmetic?.quantumBits.delta, 34)
  t.deepEqual(new Set(Object.values(await server.stage.tasks(job))), new Set(['completed']))
  const last = (await server.stage.events(user, job)).at(-1)?.event
  t.deepEqual(last, { type: 'state', state: 'completed' })
  await server.stage.idle()
  t.is(await store.load(`job/${job}/trainer-0`), undefined, 'the state of its trainers is not needed any more')
  t.truthy(await store.load(`job/${job}/top-aggregator-0`), 'that of its aggregator is, if there are to be more rounds')
})

for (const interruptedAfter of [1, 3, 5])
  test(`a server that ends after round ${interruptedAfter}: the next one ends the job with the same hashes`, async (t) => {
    await using folder = await temporaryFolder()
    const store = await storeWithJob()
    const registry = memoryRegistry()
    const first = serverOn({ store, folder: folder.path, registry })
    await first.ask('starting')
    await first.event((event) => event.type === 'round' && event.round === interruptedAfter)
    await first.stage[Symbol.asyncDispose]()
    await using second = serverOn({ store, folder: folder.path, registry })
    await second.ended()
    t.like(await second.stage.job(job), { state: 'completed', run: job })
    t.deepEqual([...(await second.hashes()).values()], await reference(folder.path))
  })

test('no round is committed before whoever watches knows of the one before, and its next one is worked on meanwhile', async (t) => {
  await using folder = await temporaryFolder()
  const registry = memoryRegistry()
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const heard: number[] = []
  const observer: DeploymentObserver = {
    async roundRecorded(_job, { round }) {
      heard.push(round)
      if (round === 2) await held
    },
    taskFailed: () => t.fail(),
  }
  await using server = serverOn({ store: await storeWithJob(), folder: folder.path, registry, observer })
  await server.ask('starting')
  await server.event((event) => event.type === 'round' && event.round === 2)
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.deepEqual(
    [await registry.list(job), heard],
    [
      [1, 2],
      [1, 2],
    ],
  )
  release()
  await server.ended()
  t.deepEqual(heard, [1, 2, 3, 4, 5, 6])
})

test('a job that is stopped and started again goes on after its last round, and ends with the same hashes', async (t) => {
  await using folder = await temporaryFolder()
  await using server = serverOn({ store: await storeWithJob(), folder: folder.path })
  await server.ask('starting')
  await server.event((event) => event.type === 'round' && event.round === 2)
  await server.ask('stopping')
  const { number } = await server.ended()
  t.like(await server.stage.job(job), { state: 'terminated' })
  const stoppedAfter = Math.max(...(await server.hashes()).keys())
  await server.ask('starting')
  await server.ended(number)
  t.like(await server.stage.job(job), { state: 'completed', run: job })
  t.deepEqual([...(await server.hashes()).values()], await reference(folder.path))
  const after = (await server.stage.events(user, job)).filter((event) => event.number > number)
  const again = after.flatMap(({ event }) => (event.type === 'round' ? [event.round] : []))
  t.deepEqual(
    again,
    Array.from({ length: rounds - stoppedAfter + 1 }, (_, index) => stoppedAfter + index),
    'the last one is told once more',
  )
})

test('a job with several models a round that is started again tells the last round of each model once more', async (t) => {
  await using folder = await temporaryFolder()
  const groups = ['blue', 'green']
  const parallel: Schema = {
    name: 'parallel',
    roles: [
      { name: 'aggregator', groupAssociation: groups.map((param) => ({ param })) },
      { name: 'trainer', isDataConsumer: true, groupAssociation: groups.map((param) => ({ param })) },
    ],
    channels: [
      {
        name: 'param',
        pair: ['aggregator', 'trainer'],
        groupBy: { type: 'tag', value: groups },
        funcTags: { aggregator: ['distribute', 'aggregate'], trainer: ['fetch', 'upload'] },
      },
    ],
  }
  const store = memoryStore()
  const archive = zipped({ 'aggregator/README': '-', 'trainer/workload.js': slowWorkload() })
  const dataSpec = [{ role: 'trainer', datasetGroups: { blue: ['j-data-0'], green: ['j-data-1'] } }]
  const given = spec({ hyperparameters: { rounds: 50 } })
  await storeJob(store, { user, job, schema: parallel, code: archive, clients: 2, spec: { ...given, dataSpec } })
  await using server = serverOn({ store, folder: folder.path })
  await server.ask('starting')
  for (const part of groups) await server.event((event) => event.type === 'round' && event.part === part)
  await server.ask('stopping')
  const { number } = await server.ended()
  const last = await Promise.all(groups.map(async (part) => (await server.registry.list(job, part)).at(-1)))
  await server.ask('starting')
  await server.event((event) => event.type === 'task', number)
  await server.ask('stopping')
  await server.ended(number)
  const after = (await server.stage.events(user, job)).filter((event) => event.number > number)
  const rounds = after.flatMap(({ event }) => (event.type === 'round' ? [event] : []))
  t.deepEqual(
    groups.map((group) => rounds.find(({ part }) => part === group)?.round),
    last,
  )
})

test('a job that is started after its completion begins anew, under another name', async (t) => {
  await using folder = await temporaryFolder()
  const store = await storeWithJob()
  await using server = serverOn({ store, folder: folder.path })
  await server.ask('starting')
  const { number } = await server.ended()
  await server.stage.idle()
  await server.ask('starting')
  await server.ended(number)
  t.like(await server.stage.job(job), { state: 'completed', run: 'j~2' })
  t.is(await store.load(`job/${job}/top-aggregator-0`), undefined, 'the state of the run before is gone')
  t.deepEqual(await server.registry.list('j~2'), await server.registry.list('j'))
})

const refused: readonly [string, Partial<JobSpecification>, Uint8Array, string][] = [
  ['a seed that is none', spec({ hyperparameters: { seed: -1 } }), code, 'JOB_SEED'],
  ['a setting of another type', spec({ hyperparameters: { fraction: 'half' } }), code, 'WORKLOAD_VALUE'],
  [
    'code without a workload',
    spec(),
    zipped({ 'top-aggregator/README': '-', 'trainer/other.js': '' }),
    'WORKLOAD_MISSING',
  ],
  [
    'a workload that is broken',
    spec(),
    zipped({ 'top-aggregator/README': '-', 'trainer/workload.js': 'throw new Error("no")' }),
    'WORKLOAD_BROKEN',
  ],
]
for (const [title, given, archive, code] of refused)
  test(`a job with ${title} fails, and says why`, async (t) => {
    await using folder = await temporaryFolder()
    await using server = serverOn({ store: await storeWithJob(given, archive), folder: folder.path })
    await server.ask('starting')
    const { event } = await server.ended()
    t.like(event, { type: 'state', state: 'failed', cause: { code } })
    t.like(await server.stage.job(job), { state: 'failed', cause: { code } })
  })

test('a hyperparameter that the workload does not know is noted, and batchSize is its batch', async (t) => {
  await using folder = await temporaryFolder()
  const given = spec({
    hyperparameters: { batchSize: 4, weightDecay: 0 },
    selector: { sort: 'random', kwargs: { k: 2 } },
  })
  await using server = serverOn({ store: await storeWithJob(given), folder: folder.path })
  await server.ask('starting')
  await server.ended()
  t.like(await server.stage.job(job), { state: 'completed' })
  const noted = (await server.stage.events(user, job)).flatMap(({ event }) => (event.type === 'notice' ? [event] : []))
  t.deepEqual(
    noted.map(({ code, message }) => [code, /weightDecay/.test(message)]),
    [['SETTING_UNKNOWN', true]],
  )
  // Two of four, by the workload's own fraction.
  t.deepEqual([...(await server.hashes()).values()], await reference(folder.path))
})

test('roles of other names are recognized by their func tags', async (t) => {
  await using folder = await temporaryFolder()
  const { schema } = hierarchical({ clients, groups: 1 })
  const renamed = JSON.parse(
    JSON.stringify(schema).replaceAll('top-aggregator', 'cloud').replaceAll('middle-aggregator', 'edge'),
  )
  const store = memoryStore()
  const archive = zipped({ 'cloud/README': '-', 'edge/README': '-', 'trainer/workload.js': workloadText })
  const datasets = Array.from({ length: clients }, () => 'j-data-0')
  const dataSpec = [{ role: 'trainer', datasetGroups: { 'group-0': datasets } }]
  // All ends are selected, since a drawn selection would depend on the aggregator's name.
  const given = spec({ hyperparameters: { fraction: 1 } })
  await storeJob(store, { user, job, schema: renamed, code: archive, spec: { ...given, dataSpec } })
  await using server = serverOn({ store, folder: folder.path })
  await server.ask('starting')
  await server.ended()
  t.like(await server.stage.job(job), { state: 'completed' })
  t.deepEqual([...(await server.hashes()).values()], await reference(folder.path, { fraction: 1 }))
})

test('a job whose server stalls goes on in another; what the first one still does when it wakes up changes nothing', async (t) => {
  await using folder = await temporaryFolder()
  const store = await storeWithJob()
  const registry = memoryRegistry()
  let wake = () => {}
  let asleep: Promise<void> | undefined
  const stalling = interruptedStore(store, (_call, when) => (when === 'before' ? asleep : undefined))
  const shared = { folder: folder.path, registry, shared: { beatMs: 20, deadAfterMs: 200 } }
  await using first = serverOn({ ...shared, store: stalling })
  await first.ask('starting')
  await first.event((event) => event.type === 'round' && event.round === 2)
  asleep = new Promise<void>((resolve) => {
    wake = resolve
  })
  await using second = serverOn({ ...shared, store })
  const { number } = (await second.stage.events(user, job)).at(-1) ?? { number: 0 }
  await second.event((event) => event.type === 'round', number)
  asleep = undefined
  wake()
  await second.ended()
  t.like(await second.stage.job(job), { state: 'completed', run: job, fence: 2 })
  t.deepEqual([...(await second.hashes()).values()], await reference(folder.path))
  t.deepEqual(new Set(Object.values(await second.stage.tasks(job))), new Set(['completed']))
})

test('a job whose models find no room says so among its events, waits, and goes on to the same hashes', async (t) => {
  await using folder = await temporaryFolder()
  const store = await storeWithJob()
  const registry = memoryRegistry()
  let refusals = 0
  const filling: ModelRegistry = {
    ...registry,
    async commit(model) {
      if (model.round === 3 && refusals++ < 1) throw registryError('REGISTRY_FULL', { location: 'm', reason: 'so' })
      await registry.commit(model)
    },
  }
  await using server = serverOn({ store, folder: folder.path, registry: filling })
  await server.ask('starting')
  const notice = await server.event(({ type }) => type === 'notice')
  t.like(notice.event, { end: job, code: 'REGISTRY_FULL' })
  t.like((await server.ended()).event, { state: 'completed' })
  t.is(refusals, 2)
  t.deepEqual([...(await server.hashes()).values()], await reference(folder.path))
})

test('a job whose code may not be unpacked fails with the folder and the reason', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')
  await using server = serverOn({ store: await storeWithJob(), folder: file })
  await server.ask('starting')
  const { event } = await server.ended()
  t.like(event, { state: 'failed', cause: { code: 'JOB_CODE_DENIED' } })
  t.true('cause' in event && event.cause?.message.includes(file))
})

test('code is unpacked whole or not at all, once, and what leads out of it is refused', async (t) => {
  await using folder = await temporaryFolder()
  const store = memoryStore()
  const source = archivedWorkloads({
    store,
    folder: folder.path,
    limits: { unpackedBytes: 10_000, files: 10, ratio: 1000 },
  })
  const task = {
    jobId: job,
    taskId: 't',
    index: 0,
    end: 'trainer-0',
    role: 'trainer',
    groupAssociation: {},
    computeId: 'default',
    replica: 0,
    dataset: 'd',
    key: '',
    state: 'ready' as const,
    timestamp: '',
  }
  const load = (codeRevision: number) =>
    source.load({
      id: job,
      run: job,
      start: '',
      takenOver: false,
      user,
      spec: { designId: 'd', backend: 'ws', codeRevision },
      designSerial: 'serial',
      schema: topology.schema,
      tasks: [task],
    })
  await store.putBlob('code/serial/1', [code])
  await store.putBlob('code/serial/2', [
    zipped({ 'trainer/workload.js': workloadText, 'trainer/large': 'x'.repeat(20_000) }),
  ])
  await store.putBlob('code/serial/3', [zipped({ 'trainer/workload.js': workloadText, '../escaped': 'x' })])
  const loaded = await Promise.all([load(1), load(1), load(1)])
  t.is(new Set(loaded.map(({ module }) => module.href)).size, 1)
  t.is(await readFile(new URL(loaded[0]?.module ?? ''), 'utf8'), workloadText)
  await t.throwsAsync(load(2), { code: 'CODE_ARCHIVE' })
  await t.throwsAsync(load(3), { code: 'CODE_ARCHIVE' })
  await t.throwsAsync(load(4), { code: 'CODE_UNKNOWN' })
  t.deepEqual(await readdir(folder.path), ['serial'])
  t.deepEqual(await readdir(join(folder.path, 'serial')), ['1'])

  // A dangling link, as an earlier version left it after the installation had moved.
  await mkdir(join(folder.path, 'serial', '1', 'node_modules'))
  await symlink(join(folder.path, 'moved'), join(folder.path, 'serial', '1', 'node_modules', 'flame-fl'))
  t.is((await load(1)).workload.name, 'slow')
})
