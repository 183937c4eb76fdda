import test from 'ava'
import { type Documents, memoryStore, type Store } from '../../../runtime/index.ts'
import { catalogueStage, twoTierCode, twoTierSchema } from '../../../test/support/stored-job.ts'
import { beginPlacements } from '../../deployers/sites/placements.ts'
import type { TaskInfo } from '../../model/task.ts'
import { collectionsOf } from '../../records/collections.ts'
import type { Page, PageRequest } from '../../requests/page.ts'
import { taskOrders } from './tasks.ts'

const [user, design, job] = ['u', 'd', 'j']

/** A store that counts the tasks that are read. */
function counting(store: Store) {
  const { documents } = store
  const counted = { reads: 0, store }
  const counting: Documents = {
    insert: (...given) => documents.insert(...given),
    insertAll: (given) => documents.insertAll(given),
    replace: (...given) => documents.replace(...given),
    remove: (...given) => documents.remove(...given),
    removeAll: (...given) => documents.removeAll(...given),
    get(collection, id) {
      if (collection === 'tasks') counted.reads += 1
      return documents.get(collection, id)
    },
    async *find(collection, options) {
      for await (const document of documents.find(collection, options)) {
        if (collection === 'tasks') counted.reads += 1
        yield document
      }
    },
  }
  counted.store = new Proxy(store, {
    get(target, name) {
      if (name === 'documents') return counting
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return counted
}

async function stage(tasks: number) {
  const counted = counting(memoryStore())
  const { ask, ...rest } = catalogueStage(counted.store)
  const archive = { fileName: 'code.zip', bytes: twoTierCode }
  await ask((replyTo) => ({ type: 'create-design', user, info: { id: design }, replyTo }))
  await ask((replyTo) => ({ type: 'add-schema', user, design, schema: twoTierSchema, replyTo }))
  await ask((replyTo) => ({ type: 'add-code', user, design, archive, replyTo }))
  const info = { url: 'file:///a', dataFormat: 'csv', realm: 'default' }
  const dataset = await ask<string>((replyTo) => ({ type: 'create-dataset', user, info, replyTo }))
  const dataSpec = [{ role: 'trainer', datasetGroups: { default: [{ dataset, count: tasks - 1 }] } }]
  const spec = { id: job, designId: design, backend: 'ws' as const, dataSpec }
  await ask((replyTo) => ({ type: 'create-job', user, spec, replyTo }))
  return {
    counted,
    list: (page: PageRequest) => ask<Page<TaskInfo>>((replyTo) => ({ type: 'list-tasks', user, job, page, replyTo })),
    read: (task: string) => ask<TaskInfo>((replyTo) => ({ type: 'read-task', user, job, task, replyTo })),
    update: () => ask<null>((replyTo) => ({ type: 'update-job', user, job, spec, replyTo })),
    [Symbol.asyncDispose]: () => rest[Symbol.asyncDispose](),
  }
}

test("a page of a job's tasks reads those tasks alone, once the order is known", async (t) => {
  await using plane = await stage(500)
  const all = (await plane.list({})).items
  t.deepEqual([all.length, all[0]?.role], [500, 'aggregator'])
  plane.counted.reads = 0
  const first = await plane.list({ limit: 10 })
  const second = await plane.list({ limit: 10, after: first.next ?? '' })
  t.deepEqual([...first.items, ...second.items], all.slice(0, 20))
  t.true(plane.counted.reads <= 22, `${plane.counted.reads} reads`)
  await plane.update()
  t.is((await plane.list({})).items.length, 500, 'others after an update')
})

test('a task is told without what is for the server alone', async (t) => {
  await using plane = await stage(2)
  const [, trainer] = (await plane.list({})).items
  t.deepEqual(Object.keys(trainer ?? {}).toSorted(), [
    'computeId',
    'groupAssociation',
    'jobId',
    'key',
    'role',
    'state',
    'taskId',
    'timestamp',
  ])
})

test('orders are kept of the jobs that were listed last, up to a number of tasks', async (t) => {
  await using plane = await stage(30)
  const collections = collectionsOf(plane.counted.store)
  const orderOf = taskOrders(collections, 40)
  const found = await collections.jobs.get(job)
  if (!found) throw new Error('no job')
  const again = async (id: string) => {
    plane.counted.reads = 0
    await orderOf({ ...found, id })
    return plane.counted.reads
  }
  t.is(await again(job), 30)
  t.is(await again(job), 0)
  for (let n = 0; n < 3; n++) await again(`other-${n}`)
  t.is(await again(job), 0, 'others that are small leave it')
  t.is((await orderOf({ ...found, value: { ...found.value, expansion: 'other' } })).length, 0)
})

test('a task is told with the flamelet that has the task, or with the server', async (t) => {
  await using plane = await stage(3)
  const ready = await plane.list({})
  t.deepEqual(
    ready.items.map(({ flamelet }) => flamelet),
    [undefined, undefined, undefined],
  )
  const { store } = plane.counted
  const placements = await beginPlacements(store, 'run')
  placements.places.set('aggregator-0', '').set('trainer-0', 'clinic')
  await placements.save()
  const { jobs, tasks } = collectionsOf(store)
  const found = await jobs.get(job)
  if (found) await jobs.put(job, { ...found.value, run: 'run' })
  for await (const { id, value } of tasks.find()) await tasks.put(id, { ...value, state: 'running' })
  const running = (await plane.list({})).items
  t.deepEqual(
    running.map(({ flamelet }) => flamelet),
    ['server', 'clinic', undefined],
  )
  t.is((await plane.read(running[1]?.taskId ?? '')).flamelet, 'clinic')
})
