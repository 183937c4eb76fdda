import { assertValid, expand, type RoleTask, type Task, wiringOf } from '../../sdk/index.ts'
import { newTaskKey } from '../catalogue/identifiers.ts'
import { jobError } from './errors.ts'
import type { JobParts, JobSpec } from './job-spec.ts'

/** Expands a job's topology into what its role actors run. TAG_INVALID with every fault of the schema; JOB_ROLE_UNKNOWN. */
export function tasksOf(spec: JobSpec, { topology, roles, pool }: JobParts): RoleTask[] {
  assertValid(topology)
  const tasks = expand(topology, { jobId: spec.id, newKey: newTaskKey })
  const wire = wiringOf(tasks)
  return tasks.map((task) => {
    const role = roles[task.role]
    if (!role) throw jobError('JOB_ROLE_UNKNOWN', { role: task.role, known: Object.keys(roles).join(', ') })
    return { end: task.end, role, channels: wire(task), ...clientOf(task, pool.clients) }
  })
}

function clientOf({ end, dataset }: Task, clients: number): { readonly client?: number } {
  if (dataset === undefined) return {}
  const client = Number(dataset)
  if (!Number.isInteger(client) || client < 0 || client >= clients)
    throw jobError('JOB_CLIENT_UNKNOWN', { end, dataset, last: clients - 1 })
  return { client }
}
