import test from 'ava'
import { all } from '../runtime/durable/contract/store-under-test.ts'
import { memoryStore, type Store } from '../runtime/index.ts'
import { killedStore, lifeOf } from '../sdk/testing/index.ts'
import { catalogueStage, twoTierCode, twoTierSchema } from '../test/support/stored-job.ts'
import { gate, interruptedStore } from '../test/support/stores.ts'
import type { CatalogueMessage } from './catalogue-requests.ts'
import type { Ask } from './requests/requests.ts'

const [user, design] = ['u', 'd']
const page = {}
const dataset = { url: 'file:///a', dataFormat: 'csv', realm: 'default' }
const jobOn = (datasets: readonly string[]) => ({
  designId: design,
  backend: 'ws' as const,
  dataSpec: [{ role: 'trainer', datasetGroups: { default: [...datasets] } }],
})

/** A person's actions, from an empty catalogue to the end. Notes each acknowledged thing. */
async function script(ask: Ask<CatalogueMessage>, acknowledged: (step: string) => void): Promise<void> {
  const step = async (name: string, work: Promise<unknown>) => {
    await work
    acknowledged(name)
  }
  await step(
    'design',
    ask((replyTo) => ({ type: 'create-design', user, info: { id: design }, replyTo })),
  )
  await step(
    'schema',
    ask((replyTo) => ({ type: 'add-schema', user, design, schema: twoTierSchema, replyTo })),
  )
  const archive = { fileName: 'code.zip', bytes: twoTierCode }
  await step(
    'code',
    ask((replyTo) => ({ type: 'add-code', user, design, archive, replyTo })),
  )
  const ids: string[] = []
  for (let i = 0; i < 3; i++)
    ids.push(await ask<string>((replyTo) => ({ type: 'create-dataset', user, info: dataset, replyTo })))
  const created = await ask<{ id: string }>((replyTo) => ({ type: 'create-job', user, spec: jobOn(ids), replyTo }))
  acknowledged('job')
  const job = created.id
  await step(
    'update',
    ask((replyTo) => ({ type: 'update-job', user, job, spec: jobOn(ids.slice(1)), replyTo })),
  )
  await step(
    'removal',
    ask((replyTo) => ({ type: 'remove-job', user, job, replyTo })),
  )
}

/** Every document, by collection and id. */
async function jobsIn(store: Store) {
  const { documents } = store
  const [jobs, tasks] = [await all(documents.find('jobs')), await all(documents.find('tasks'))]
  return { jobs, tasks, notes: await all(documents.find('expansions')) }
}

for (const [tasks, batch] of [
  ['written together', 250],
  ['written two at a time', 2],
] as const)
  test(`a process that ends at any write has lost nothing acknowledged and leaves nothing half-made (tasks ${tasks})`, async (t) => {
    let steps = 0
    for (let finished = false; !finished; steps++) {
      for (const endsAfter of [false, true]) {
        const store = memoryStore()
        const acknowledged = new Set<string>()
        const life = lifeOf(steps + 1, endsAfter)
        {
          await using stage = catalogueStage(killedStore(store, life), { batch })
          await script(stage.ask, (step) => void acknowledged.add(step)).catch(() => {})
        }
        finished = !life.ended
        await using stage = catalogueStage(store, { batch })
        const designs = await stage.ask<{ items: readonly { id: string }[] }>((replyTo) => ({
          type: 'list-designs',
          user,
          page,
          replyTo,
        }))
        const { jobs, tasks: left, notes } = await jobsIn(store)
        const at = `${steps} ${endsAfter} ${[...acknowledged].join()}`
        t.deepEqual(notes, [], at)
        if (acknowledged.has('design')) t.is(designs.items.length, 1, at)
        if (acknowledged.has('schema'))
          t.is(
            (await stage.ask<{ revision?: number }>((replyTo) => ({ type: 'read-schema', user, design, replyTo })))
              .revision,
            1,
            at,
          )
        if (acknowledged.has('code'))
          t.is(
            (
              await stage.ask<{ revision: number }>((replyTo) => ({
                type: 'read-code-revision',
                user,
                design,
                replyTo,
              }))
            ).revision,
            1,
            at,
          )
        if (acknowledged.has('removal')) t.is(jobs.length, 0, at)
        else if (acknowledged.has('job') && !acknowledged.has('update')) t.is(jobs.length, 1, at)
        const expected = jobs.length === 0 ? [0] : acknowledged.has('update') ? [3] : [3, 4]
        t.true(expected.includes(left.length), `${at}: ${left.length} tasks`)
        for (const { id } of left) t.true(id.startsWith(`${jobs[0]?.id}/${String(jobs[0]?.fields.expansion)}/`), at)
      }
    }
    t.true(steps > 20, `${steps} steps`)
  })

test('a large job goes in batches, while its user does other things and nobody sees it any more', async (t) => {
  let isHeld = false
  const [held, oneBegun] = [gate(), gate()]
  let begun = 0
  const store = interruptedStore(memoryStore(), async (call, when) => {
    if (!isHeld || call !== 'remove-document' || when !== 'before') return
    begun += 1
    oneBegun.open()
    await held.passed
  })
  await using stage = catalogueStage(store, { batch: 2 })
  const { ask } = stage
  const id = await prepared(ask)
  const create = () =>
    ask<unknown>((replyTo) => ({ type: 'create-job', user, spec: { ...jobOn([id, id, id]), id: 'a' }, replyTo }))
  await create()
  isHeld = true
  const removal = ask((replyTo) => ({ type: 'remove-job', user, job: 'a', replyTo }))
  await oneBegun.passed
  await ask((replyTo) => ({ type: 'create-design', user, info: { id: 'meanwhile' }, replyTo }))
  t.deepEqual(await ask((replyTo) => ({ type: 'list-jobs', user, page, replyTo })), { items: [] })
  await t.throwsAsync(
    ask((replyTo) => ({ type: 'read-job', user, job: 'a', replyTo })),
    { code: 'JOB_NOT_FOUND' },
  )
  const [{ id: task = '' } = {}] = (await jobsIn(store)).tasks
  const taskId = task.split('/').at(-1) ?? ''
  await t.throwsAsync(
    ask((replyTo) => ({ type: 'fetch-task', job: 'a', task: taskId, key: 'k'.repeat(32), replyTo })),
    { code: 'JOB_NOT_FOUND' },
  )
  t.is(begun, 1)
  // A new job of the same id waits until the former job is removed.
  const again = create()
  isHeld = false
  held.open()
  t.is(await removal, null)
  t.like(await again, { id: 'a', state: 'ready' })
  const after = await jobsIn(store)
  t.deepEqual([after.jobs.length, after.tasks.length, after.notes.length], [1, 4, 0])
})

test('of a job and its tasks that a server writes which another took for dead, nothing is left', async (t) => {
  const below = memoryStore()
  const [held, reached] = [gate(), gate()]
  const busyStore = interruptedStore(below, async (call, when) => {
    const isLast = call === 'insert' && when === 'before' && (await jobsIn(below)).tasks.length === 4
    if (!isLast) return
    reached.open()
    await held.passed
  })
  await using busy = catalogueStage(busyStore, { batch: 2 })
  const id = await prepared(busy.ask)
  const spec = { ...jobOn([id, id, id]), id: 'a' }
  const creation = busy.ask((replyTo) => ({ type: 'create-job', user, spec, replyTo }))
  await reached.passed
  await using starting = catalogueStage(below)
  await starting.ask((replyTo) => ({ type: 'list-jobs', user, page, replyTo }))
  held.open()
  await t.throwsAsync(creation, { code: 'WRITTEN_MEANWHILE' })
  t.deepEqual(await jobsIn(below), { jobs: [], tasks: [], notes: [] })
})

test('commands of one user are taken one at a time, in order', async (t) => {
  const store = memoryStore()
  await using stage = catalogueStage(store)
  await stage.ask((replyTo) => ({ type: 'create-design', user, info: { id: design }, replyTo }))
  const add = () => stage.ask((replyTo) => ({ type: 'add-schema', user, design, schema: twoTierSchema, replyTo }))
  await Promise.all(Array.from({ length: 20 }, add))
  const { revision } = await stage.ask<{ revision?: number }>((replyTo) => ({
    type: 'read-schema',
    user,
    design,
    replyTo,
  }))
  t.is(revision, 20)
})

/** A design with schema and code, and one dataset; answers with its id. */
async function prepared(ask: Ask<CatalogueMessage>): Promise<string> {
  await ask((replyTo) => ({ type: 'create-design', user, info: { id: design }, replyTo }))
  await ask((replyTo) => ({ type: 'add-schema', user, design, schema: twoTierSchema, replyTo }))
  const archive = { fileName: 'code.zip', bytes: twoTierCode }
  await ask((replyTo) => ({ type: 'add-code', user, design, archive, replyTo }))
  return ask<string>((replyTo) => ({ type: 'create-dataset', user, info: dataset, replyTo }))
}

test("creations of one user's jobs are under way together, and each other command waits for them", async (t) => {
  // Writes of the preparation don't count.
  let begun = Number.NEGATIVE_INFINITY
  const [held, allBegun] = [gate(), gate()]
  const store = interruptedStore(memoryStore(), async (call, when) => {
    if (call !== 'insert' || when !== 'before') return
    begun += 1
    if (begun === 3) allBegun.open()
    if (begun > 0) await held.passed
  })
  await using stage = catalogueStage(store)
  const id = await prepared(stage.ask)
  begun = 0
  const create = (job: string) =>
    stage.ask((replyTo) => ({ type: 'create-job', user, spec: { ...jobOn([id]), id: job }, replyTo }))
  const creations = ['a', 'b', 'a'].map((job) => create(job).catch(({ code }: { code: unknown }) => code))
  const removal = stage.ask((replyTo) => ({ type: 'remove-design', user, design, force: false, replyTo }))
  await allBegun.passed
  held.open()
  await t.throwsAsync(removal, { code: 'DESIGN_USED', message: 'design used in job a, b' })
  const outcomes = await Promise.all(creations)
  t.deepEqual(
    outcomes.slice(0, 2).map((outcome) => Object(outcome).state),
    ['ready', 'ready'],
  )
  t.is(outcomes[2], 'JOB_EXISTS')
  t.is((await jobsIn(store)).tasks.length, 4)
})

test('the revisions of a design that was deleted while jobs used it go with the last of them', async (t) => {
  const store = memoryStore()
  await using stage = catalogueStage(store)
  const { ask } = stage
  const id = await prepared(ask)
  const create = (job: string) =>
    ask<unknown>((replyTo) => ({ type: 'create-job', user, spec: { ...jobOn([id]), id: job }, replyTo }))
  const kept = async () => {
    const { documents } = store
    const revisions = [...(await all(documents.find('schemas'))), ...(await all(documents.find('codes')))]
    return revisions.map((revision) => revision.id)
  }
  for (const job of ['a', 'b', 'c']) await create(job)
  const [schema = '', code = ''] = await kept()
  const removal = await ask((replyTo) => ({ type: 'remove-design', user, design, force: true, replyTo }))
  t.is(removal, 'design d is deleted; its revisions stay for 3 jobs')
  await ask((replyTo) => ({ type: 'remove-job', user, job: 'a', replyTo }))
  t.deepEqual(await kept(), [schema, code])

  // A new design of the same id doesn't get the former design's revisions.
  await prepared(ask)
  await ask((replyTo) => ({ type: 'update-job', user, job: 'b', spec: jobOn([id]), replyTo }))
  t.is((await kept()).length, 4)
  await ask((replyTo) => ({ type: 'remove-job', user, job: 'c', replyTo }))
  const left = await kept()
  t.deepEqual([left.length, left.includes(schema), left.includes(code)], [2, false, false])
  t.is(await store.getBlob(`code/${code}`), undefined)
  await ask((replyTo) => ({ type: 'remove-job', user, job: 'b', replyTo }))
  t.is((await kept()).length, 2)
})

test("a server that starts beside one that replaces a job's tasks makes that fail, and loses nothing", async (t) => {
  const below = memoryStore()
  const [held, reached] = [gate(), gate()]
  const store = interruptedStore(below, async (call, when) => {
    if (call !== 'replace' || when !== 'before') return
    reached.open()
    await held.passed
  })
  await using stage = catalogueStage(below)
  const id = await prepared(stage.ask)
  const { id: job } = await stage.ask<{ id: string }>((replyTo) => ({
    type: 'create-job',
    user,
    spec: jobOn([id]),
    replyTo,
  }))
  const before = await jobsIn(below)
  await using busy = catalogueStage(store)
  const update = busy.ask((replyTo) => ({ type: 'update-job', user, job, spec: jobOn([id]), replyTo }))
  await reached.passed
  await using starting = catalogueStage(below)
  await starting.ask((replyTo) => ({ type: 'list-jobs', user, page, replyTo }))
  held.open()
  await t.throwsAsync(update, { code: 'WRITTEN_MEANWHILE' })
  const after = await jobsIn(below)
  t.deepEqual(after.tasks, before.tasks)
  t.deepEqual(after.notes, [])
  t.deepEqual(after.jobs[0]?.fields, before.jobs[0]?.fields)
})

test('a fault of the store reaches who asked, and the next command finds the catalogue well', async (t) => {
  let broken = true
  const failing = interruptedStore(memoryStore(), (call, when) => {
    if (broken && call === 'insert' && when === 'before') throw new Error('the disk is full')
  })
  await using stage = catalogueStage(failing)
  const create = () => stage.ask((replyTo) => ({ type: 'create-design', user, info: { id: design }, replyTo }))
  await t.throwsAsync(create(), { message: 'the disk is full' })
  broken = false
  t.is(await create(), null)
  await t.throwsAsync(create(), { code: 'DESIGN_EXISTS' })
})
