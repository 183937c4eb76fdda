import test from 'ava'
import type { TaskConfig } from '../../actors/index.ts'
import { apiStage } from '../support/api-stage.ts'
import { keysOf } from '../support/http-jobs.ts'
import { shapes } from './shapes.ts'
import { computes, datasetsOf, rolesOf, withDatasets, withDesign } from './stage.ts'

const jobs = '/users/u/jobs'

interface ListedTask {
  readonly taskId: string
  readonly role: string
  readonly groupAssociation: Readonly<Record<string, string>>
  readonly computeId: string
  readonly state: string
  readonly key: string
}

function lineOf({ role, groupAssociation, computeId }: ListedTask, { channels, dataset }: TaskConfig): string {
  const groups = Object.entries(groupAssociation).map(([channel, group]) => `${channel}=${group}`)
  const joined = channels.map(({ name, groupBy }) => `${name}(${groupBy?.value.join('|')})`)
  const url = dataset?.replace('file:///', '') ?? '-'
  return [role, groups.toSorted().join(','), `@${computeId}`, url, ...joined].join(' ')
}

for (const [title, { schema, dataSpec, tasks: expected }] of Object.entries(shapes))
  test(`${title}: a job has the tasks of its design, each with its own config, key and id`, async (t) => {
    await using api = await apiStage('memory')
    await withDatasets(api, datasetsOf(dataSpec))
    t.is((await withDesign(api, schema, rolesOf(schema))).status, 201)
    const created = await api.call('POST', jobs, { id: 'j', designId: 'd', backend: 'ws', dataSpec })
    t.like(created, { status: 201, body: { state: 'ready' } }, JSON.stringify(created.body))

    const tasks: readonly ListedTask[] = Object(await api.call('GET', `${jobs}/j/tasks`)).body
    const keys = await keysOf(api, 'j', computes)
    const lines = await Promise.all(
      tasks.map(async (task) => {
        const fetched = await fetch(`${api.url}/jobs/j/${task.taskId}/task?key=${keys[task.taskId]}`)
        const config = (await fetched.formData()).get('config')
        if (!(config instanceof File)) throw new Error(`no config: ${fetched.status}`)
        const read: TaskConfig = JSON.parse(await config.text())
        t.deepEqual(read.groupAssociation, task.groupAssociation)
        t.deepEqual([read.role, read.job], [task.role, { id: 'j', name: 'd' }])
        return lineOf(task, read)
      }),
    )
    t.deepEqual(lines, expected)
    t.is(new Set(tasks.map(({ taskId }) => taskId)).size, expected.length)
    t.is(new Set(Object.values(keys)).size, expected.length)
    for (const key of Object.values(keys)) t.is(key.length, 32)
    for (const { state, key } of tasks) t.deepEqual([state, key], ['ready', 'hidden by system'])

    const ids = tasks.map(({ taskId }) => taskId)
    await api.call('PUT', `${jobs}/j`, { designId: 'd', backend: 'ws', dataSpec })
    const again: readonly ListedTask[] = Object(await api.call('GET', `${jobs}/j/tasks`)).body
    t.deepEqual(
      again.map(({ taskId }) => taskId),
      ids,
    )
    const fresh = await keysOf(api, 'j', computes)
    for (const id of ids) t.not(fresh[id], keys[id])
    t.deepEqual(api.faults, [])
  })
