import { setTimeout } from 'node:timers/promises'
import test from 'ava'
import { all } from '../../runtime/durable/contract/store-under-test.ts'
import { actorSystem, memoryStore, type Store } from '../../runtime/index.ts'
import { catalogueStage, storeJob, twoTierCode, twoTierSchema, zipOf } from '../../test/support/stored-job.ts'
import { controlPlane } from '../control-plane.ts'
import type { Deployer } from '../deployers/deployer.ts'
import type { JobStatus } from '../model/job.ts'
import type { JobEvent } from '../model/job-event.ts'
import type { Quotas } from '../model/quotas.ts'
import type { UsageReport } from '../model/usage-report.ts'
import { collectionsOf } from '../records/collections.ts'
import { holdings } from '../records/holdings.ts'
import { asking } from '../requests/requests.ts'

const user = 'u'

/** A catalogue with quotas, and a user's actions on it. */
function stage(quotas: Quotas) {
  const store = memoryStore()
  const { ask, ...rest } = catalogueStage(store, { quotas, batch: 4 })
  const info = { url: 'file:///a', dataFormat: 'csv', realm: 'default' }
  const archive = (bytes: Uint8Array) => ({ fileName: 'code.zip', bytes })
  return {
    store,
    design: (id: string, by = user) => ask((replyTo) => ({ type: 'create-design', user: by, info: { id }, replyTo })),
    removeDesign: (design: string) =>
      ask((replyTo) => ({ type: 'remove-design', user, design, force: false, replyTo })),
    schema: (design: string) =>
      ask((replyTo) => ({ type: 'add-schema', user, design, schema: twoTierSchema, replyTo })),
    removeSchema: (design: string) => ask((replyTo) => ({ type: 'remove-schema', user, design, replyTo })),
    code: (design: string, bytes = twoTierCode) =>
      ask((replyTo) => ({ type: 'add-code', user, design, archive: archive(bytes), replyTo })),
    removeCode: (design: string) => ask((replyTo) => ({ type: 'remove-code', user, design, replyTo })),
    dataset: () => ask<string>((replyTo) => ({ type: 'create-dataset', user, info, replyTo })),
    removeDataset: (dataset: string) => ask((replyTo) => ({ type: 'remove-dataset', user, dataset, replyTo })),
    job: (id: string, datasets: readonly string[], codeRevision?: number, note = '') => {
      const spec = {
        id,
        designId: 'd',
        backend: 'ws' as const,
        dataSpec: [{ role: 'trainer', datasetGroups: { default: [...datasets] } }],
        modelSpec: { hyperparameters: { note } },
        ...(codeRevision === undefined ? {} : { codeRevision }),
      }
      return ask<JobStatus>((replyTo) => ({ type: 'create-job', user, spec, replyTo }))
    },
    removeJob: (job: string) => ask((replyTo) => ({ type: 'remove-job', user, job, replyTo })),
    usage: () => ask<UsageReport>((replyTo) => ({ type: 'read-usage', user, replyTo })),
    /** Revisions of code that are there, and whether their bytes are. */
    async codes() {
      const ids = (await all(store.documents.find('codes'))).map(({ id }) => id)
      const blobs = await Promise.all(ids.map((id) => store.getBlob(`code/${id}`)))
      return blobs.map((blob, index) => [ids[index]?.split('/')[1], blob !== undefined])
    },
    blob: (key: string) => store.getBlob(`code/${key}`),
    [Symbol.asyncDispose]: () => rest[Symbol.asyncDispose](),
  }
}

/** A design with schema and code, and a dataset, for jobs. */
async function equipped(quotas: Quotas) {
  const plane = stage(quotas)
  await plane.design('d')
  await plane.schema('d')
  await plane.code('d')
  return { ...plane, first: await plane.dataset(), [Symbol.asyncDispose]: plane[Symbol.asyncDispose] }
}

const reached = { code: 'QUOTA_REACHED' }

test('a user may have so many designs, others as many, and what is removed gives room', async (t) => {
  await using plane = stage({ designs: 2 })
  await plane.design('a')
  await plane.design('b')
  await t.throwsAsync(plane.design('c'), {
    ...reached,
    message: 'u has 2 designs, asks for 1 more, and may have 2',
  })
  await plane.design('a', 'v')
  await t.throwsAsync(plane.design('b'), reached, 'it would be refused for its name otherwise')
  await plane.removeDesign('a')
  await plane.design('c')
  await t.throwsAsync(plane.design('e'), reached)
})

test('what is refused for another reason takes no room', async (t) => {
  await using plane = stage({ designs: 2 })
  await plane.design('a')
  await t.throwsAsync(plane.design('a'), { code: 'DESIGN_EXISTS' })
  await plane.design('b')
  t.deepEqual((await plane.usage()).designs, { used: 2, most: 2 })
})

test('datasets, jobs and tasks are bounded for themselves, and jobs by all of their tasks', async (t) => {
  await using plane = await equipped({ datasets: 2, jobs: 2, tasks: 7 })
  const { first } = plane
  await plane.dataset()
  await t.throwsAsync(plane.dataset(), reached)
  await t.throwsAsync(
    plane.job(
      'a',
      Array.from({ length: 7 }, () => first),
    ),
    {
      ...reached,
      message: 'u has 0 tasks of jobs, asks for 8 more, and may have 7',
    },
  )
  await plane.job('a', [first])
  await plane.job(
    'b',
    Array.from({ length: 4 }, () => first),
  )
  t.like(await plane.usage(), { tasks: { used: 7 }, jobs: { used: 2 }, datasets: { used: 2 } })
  await t.throwsAsync(plane.job('c', [first]), { ...reached, message: /2 jobs/ })
  await plane.removeJob('b')
  await plane.job(
    'c',
    Array.from({ length: 4 }, () => first),
  )
  await plane.removeJob('a')
  await plane.removeJob('c')
  await plane.removeDataset(first)
  t.like(await plane.usage(), { tasks: { used: 0 }, jobs: { used: 0 }, datasets: { used: 1 } })
})

test('many creations at once get no further than one after the other', async (t) => {
  await using plane = await equipped({ jobs: 5, tasks: 100 })
  const ids = Array.from({ length: 20 }, (_, index) => `j${index}`)
  const made = await Promise.allSettled(ids.map((id) => plane.job(id, [plane.first])))
  t.is(made.filter(({ status }) => status === 'fulfilled').length, 5)
})

test('revisions of schemas and code, and their bytes, are bounded, and what is taken away gives room', async (t) => {
  await using plane = await equipped({ revisions: 4, bytes: 3000 })
  await plane.schema('d')
  await plane.code('d')
  await t.throwsAsync(plane.schema('d'), { ...reached, message: /4 revisions/ })
  await plane.removeSchema('d')
  t.is((await plane.usage()).revisions.used, 2)
  await plane.schema('d')
  const names = Array.from({ length: 30 }, (_, index) => `trainer/${index}.js`)
  await t.throwsAsync(plane.code('d', zipOf(...names)), { ...reached, message: /bytes of code/ })
})

test("a large specification counts among its user's bytes", async (t) => {
  await using plane = await equipped({ bytes: 40_000 })
  await plane.job('a', [plane.first], undefined, 'x'.repeat(30_000))
  await t.throwsAsync(plane.job('b', [plane.first], undefined, 'x'.repeat(30_000)), reached)
  await plane.removeJob('a')
  await plane.job('b', [plane.first], undefined, 'x'.repeat(30_000))
})

test('code that is taken away is gone with its bytes, but for the revisions that jobs name, which go with these', async (t) => {
  await using plane = await equipped({})
  await plane.code('d')
  await plane.job('a', [plane.first], 1)
  await plane.code('d')
  t.deepEqual(await plane.codes(), [
    ['1', true],
    ['2', true],
    ['3', true],
  ])
  const [serial = ''] = String((await all(plane.store.documents.find('codes')))[0]?.id).split('/')
  await plane.removeCode('d')
  t.deepEqual(await plane.codes(), [['1', true]])
  t.is(await plane.blob(`${serial}/2`), undefined)
  await t.throwsAsync(plane.job('b', [plane.first], 1), {
    code: 'JOB_INVALID',
    message: /the design has no revision 1/,
  })
  await plane.removeJob('a')
  t.deepEqual(await plane.codes(), [])
  t.is(await plane.blob(`${serial}/1`), undefined)
  await plane.code('d')
  t.deepEqual(await plane.codes(), [['4', true]], 'the next one has the next number')
})

test('nothing is bounded where nothing is said, and what there is can be read all the same', async (t) => {
  await using plane = await equipped({})
  await plane.job('a', [plane.first, plane.first])
  t.like(await plane.usage(), { designs: { used: 1 }, revisions: { used: 2 }, tasks: { used: 3 }, keys: { used: 0 } })
  await plane.job('b', [plane.first])
  t.deepEqual((await plane.usage()).tasks, { used: 5 })
})

/** A control plane on a store, whose model of each round has 1,000 bytes, and a job of `u` in it. */
async function planeWithJob(store: Store, quotas: Quotas) {
  await storeJob(store, { user, job: 'j' })
  const { version, fields } = (await store.documents.get('jobs', 'j')) ?? { version: 0, fields: {} }
  await store.documents.replace('jobs', 'j', version, { ...fields, run: 'j~1' })
  const system = actorSystem({ onFault: () => {} })
  let ids = 0
  const parts = {
    store,
    quotas,
    now: () => '2026-01-02T03:04:05.000Z',
    newId: () => `id-${++ids}`,
    newKey: () => 'k'.repeat(32),
    server: 's',
    auditKept: 10,
    kept: 20,
    modelBytes: async (run: string, round: number) => (run === 'j~1' ? 1000 * round : 0),
    chooseDeployer: (_: unknown, flamelets: Deployer) => flamelets,
  }
  const ask = asking(system, system.spawn('plane', controlPlane(parts)), { timeoutMs: 60_000 })
  const bytes = async () => {
    const { bytes } = await ask<UsageReport>((replyTo) => ({ type: 'read-usage', user, replyTo }))
    return bytes.used
  }
  return {
    bytes,
    record: (event: JobEvent) => ask<number>((replyTo) => ({ type: 'record-event', job: 'j', event, replyTo })),
    async change() {
      const entry = { requestId: 'r', user, method: 'POST', path: '/' }
      const asked = await ask<number>((replyTo) => ({ type: 'note-asked', entry, replyTo }))
      const ends = [{ asked, entry: { ...entry, status: 201 } }]
      await ask<null>((replyTo) => ({ type: 'note-ends', ends, replyTo }))
    },
    createJob: (id: string) =>
      ask((replyTo) => ({ type: 'create-job', user, spec: { id, designId: 'none', dataSpec: [] }, replyTo })),
    removeJob: () => ask((replyTo) => ({ type: 'remove-job', user, job: 'j', replyTo })),
    /** Asks for the bytes until they are as wanted. */
    async until(isWanted: (used: number) => boolean) {
      let used = await bytes()
      for (let look = 0; look < 2000 && !isWanted(used); look++) {
        await setTimeout(5)
        used = await bytes()
      }
      return used
    },
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}

const event: JobEvent = { type: 'log', end: 'e', message: 'm'.repeat(1000) }
const round: JobEvent = { type: 'round', round: 3, metrics: {}, hash: 'h', members: [], seconds: 1 }

test("models, events and audit entries of a user are among the user's bytes, and go with the job or the entry", async (t) => {
  const store = memoryStore()
  await using plane = await planeWithJob(store, {})
  const before = await plane.bytes()
  await plane.record(round)
  const withModel = await plane.until((used) => used >= before + 3000)
  t.true(withModel >= before + 3000 && withModel < before + 4000, `${withModel - before}`)
  for (let n = 0; n < 60; n++) await plane.record(event)
  const most = withModel + 22 * 1100
  t.true((await plane.until((used) => used > withModel + 20_000 && used < most)) < most, 'dropped events go')
  await plane.removeJob()
  const withoutJob = await plane.until((used) => used <= before)
  t.true(withoutJob <= before, `${withoutJob}`)

  for (let n = 0; n < 40; n++) await plane.change()
  const entries = await all(store.read('audit'))
  const logged = entries.reduce((sum, { bytes }) => sum + bytes.length, 0)
  t.true(entries.length <= 11)
  t.is(await plane.until((used) => used === withoutJob + logged), withoutJob + logged)
})

test('a user whose bytes are full with models and events creates no job, also after a restart', async (t) => {
  const store = memoryStore()
  {
    await using plane = await planeWithJob(store, { bytes: 6000 })
    await t.throwsAsync(plane.createJob('k'), { code: 'JOB_INVALID' })
    for (let n = 0; n < 6; n++) await plane.record(event)
    await plane.until((used) => used > 6000)
    await t.throwsAsync(plane.createJob('k'), reached)
    const written = async () => Number((await store.documents.get('holdings', 'job/j'))?.fields.bytes ?? 0)
    for (let look = 0; look < 1000 && (await written()) < 6000; look++) await setTimeout(10)
  }
  await using catalogue = catalogueStage(store, { quotas: { bytes: 6000 }, held: holdings(collectionsOf(store)) })
  await t.throwsAsync(
    catalogue.ask((replyTo) => ({
      type: 'create-job',
      user,
      spec: { id: 'k', designId: 'none', dataSpec: [] },
      replyTo,
    })),
    reached,
  )
})
