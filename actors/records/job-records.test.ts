import test from 'ava'
import { all } from '../../runtime/durable/contract/store-under-test.ts'
import { memoryStore } from '../../runtime/index.ts'
import { catalogueStage, twoTierCode, twoTierSchema } from '../../test/support/stored-job.ts'
import type { JobSpecification, JobStatus } from '../model/job.ts'

const [user, design, job] = ['u', 'd', 'j']
const large = { note: 'x'.repeat(20_000) }

/** A catalogue with a design and datasets, for jobs. */
async function stage(parts: Parameters<typeof catalogueStage>[1] = {}) {
  const store = memoryStore()
  const { ask, ...rest } = catalogueStage(store, parts)
  const code = { fileName: 'code.zip', bytes: twoTierCode }
  await ask((replyTo) => ({ type: 'create-design', user, info: { id: design }, replyTo }))
  await ask((replyTo) => ({ type: 'add-schema', user, design, schema: twoTierSchema, replyTo }))
  await ask((replyTo) => ({ type: 'add-code', user, design, archive: code, replyTo }))
  const info = { url: 'file:///a', dataFormat: 'csv', realm: 'default' }
  const dataset = await ask<string>((replyTo) => ({ type: 'create-dataset', user, info, replyTo }))
  const specOf = (hyperparameters: Record<string, string | number>, tasks = 1): JobSpecification => ({
    id: job,
    designId: design,
    backend: 'ws',
    priority: 'high',
    dataSpec: [{ role: 'trainer', datasetGroups: { default: Array.from({ length: tasks }, () => dataset) } }],
    modelSpec: { hyperparameters },
  })
  return {
    ...rest,
    ask,
    store,
    specOf,
    create: (spec: JobSpecification) => ask<JobStatus>((replyTo) => ({ type: 'create-job', user, spec, replyTo })),
    update: (spec: JobSpecification) => ask<null>((replyTo) => ({ type: 'update-job', user, job, spec, replyTo })),
    read: () => ask<JobSpecification>((replyTo) => ({ type: 'read-job', user, job, replyTo })),
    status: () => ask<JobStatus>((replyTo) => ({ type: 'read-job-status', user, job, replyTo })),
    /** The documents of specifications that are there. */
    apart: async () => (await all(store.documents.find('specifications'))).length,
    [Symbol.asyncDispose]: () => rest[Symbol.asyncDispose](),
  }
}

for (const tasks of [1, 10])
  test(`a large specification comes, changes and goes with its job of ${tasks + 1} tasks`, async (t) => {
    await using plane = await stage({ batch: 4 })
    const { specOf, read, apart } = plane
    const created = await plane.create(specOf(large, tasks))
    t.like(await read(), { ...specOf(large, tasks), name: design, schemaRevision: 1, codeRevision: 1 })
    t.deepEqual(await plane.status(), created)
    t.is(await apart(), 1)
    await plane.update(specOf({ ...large, rounds: 2 }, tasks))
    t.is((await read()).modelSpec?.hyperparameters?.rounds, 2)
    t.is(await apart(), 1)
    await plane.update(specOf({ rounds: 3 }, tasks))
    t.deepEqual([(await read()).modelSpec, await apart()], [{ hyperparameters: { rounds: 3 } }, 0])
    await plane.update(specOf(large, tasks))
    await plane.ask((replyTo) => ({ type: 'remove-job', user, job, replyTo }))
    t.is(await apart(), 0)
  })

test("a job's status is read without its specification", async (t) => {
  await using plane = await stage()
  const { documents } = plane.store
  const created = await plane.create(plane.specOf(large))
  const [document] = await all(documents.find('specifications'))
  await documents.replace('specifications', document?.id ?? '', 1, { not: 'a specification' })
  t.deepEqual(await plane.status(), created)
  t.like(await plane.ask((replyTo) => ({ type: 'list-jobs', user, page: {}, replyTo })), { items: [created] })
  await t.throwsAsync(plane.read(), { code: 'RECORD_DAMAGED' })
})

test('a job that an earlier version stored is read as it was: its status by few fields, its specification whole', async (t) => {
  await using plane = await stage()
  const { documents } = plane.store
  const created = await plane.create(plane.specOf({}))
  const stored = await documents.get('jobs', job)
  const { taskCount: _taskCount, ...fields } = stored?.fields ?? {}
  const spec = {
    ...Object(fields.spec),
    modelSpec: { hyperparameters: { many: Array.from({ length: 50_000 }, () => 1) } },
  }
  await documents.replace('jobs', job, 1, { ...fields, spec })
  t.deepEqual(await plane.status(), created)
  t.deepEqual(await plane.read(), spec)
  await documents.replace('jobs', job, 2, { ...fields, spec: { ...spec, modelSpec: 'none' } })
  t.deepEqual(await plane.status(), created)
  await t.throwsAsync(plane.read(), { code: 'RECORD_DAMAGED' })
})

test('a dataset that a large specification names is not deleted from under it', async (t) => {
  await using plane = await stage()
  await plane.create(plane.specOf(large))
  const [dataset] = await all(plane.store.documents.find('datasets'))
  await t.throwsAsync(
    plane.ask((replyTo) => ({ type: 'remove-dataset', user, dataset: dataset?.id ?? '', replyTo })),
    { code: 'DATASET_USED' },
  )
})
