import test from 'ava'
import { all } from '../../runtime/durable/contract/store-under-test.ts'
import { memoryStore, type Store } from '../../runtime/index.ts'
import { catalogueStage, twoTierCode, twoTierSchema } from '../../test/support/catalogue-stage.ts'
import { interruptedStore } from '../../test/support/interrupted-store.ts'
import { killedStore, lifeOf } from '../../test/support/killed-store.ts'
import type { Ask } from './ask.ts'
import type { CatalogueMessage } from './protocol.ts'

const [user, design] = ['u', 'd']
const page = {}
const dataset = { url: 'file:///a', dataFormat: 'csv', realm: 'default' }
const jobOn = (datasets: readonly string[]) => ({
  designId: design,
  backend: 'ws' as const,
  dataSpec: [{ role: 'trainer', datasetGroups: { default: [...datasets] } }],
})

/** What a person would do, from nothing to the end; notes each thing that was acknowledged. */
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

test('a process that ends at any write has lost nothing acknowledged and leaves nothing half-made', async (t) => {
  let steps = 0
  for (let finished = false; !finished; steps++) {
    for (const endsAfter of [false, true]) {
      const store = memoryStore()
      const acknowledged = new Set<string>()
      const life = lifeOf(steps + 1, endsAfter)
      {
        await using stage = catalogueStage(killedStore(store, life))
        await script(stage.ask, (step) => void acknowledged.add(step)).catch(() => {})
      }
      finished = !life.ended
      await using stage = catalogueStage(store)
      const designs = await stage.ask<{ items: readonly { id: string }[] }>((replyTo) => ({
        type: 'list-designs',
        user,
        page,
        replyTo,
      }))
      const { jobs, tasks, notes } = await jobsIn(store)
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
          (await stage.ask<{ revision: number }>((replyTo) => ({ type: 'read-code-revision', user, design, replyTo })))
            .revision,
          1,
          at,
        )
      if (acknowledged.has('removal')) t.is(jobs.length, 0, at)
      else if (acknowledged.has('job') && !acknowledged.has('update')) t.is(jobs.length, 1, at)
      const expected = jobs.length === 0 ? [0] : acknowledged.has('update') ? [3] : [3, 4]
      t.true(expected.includes(tasks.length), `${at}: ${tasks.length} tasks`)
      for (const { id } of tasks) t.true(id.startsWith(`${jobs[0]?.id}/${String(jobs[0]?.fields.expansion)}/`), at)
    }
  }
  t.true(steps > 20, `${steps} steps`)
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
