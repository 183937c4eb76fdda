import { catalogueError } from '../model/errors.ts'
import { editableStates } from '../model/job-states.ts'
import type { TaskStatus } from '../model/task.ts'
import type { Collections } from '../records/collections.ts'
import type { CatalogueJob, TaskRecord } from '../records/record-models.ts'
import { keyedTask } from '../records/task-keys.ts'
import { changeTask, taskAfter } from './actor/task-status.ts'
import { presentJob, taskKey } from './catalogue/expansions.ts'

export interface TaskReport {
  readonly job: string
  readonly task: string
  readonly key: string | undefined
  /** Nobody is asked who they are: existing agents show no key. One that is shown must be right. */
  readonly mayLackKey: boolean
  readonly status: TaskStatus
}

/**
 * Stores what an agent reports of its task. JOB_NOT_FOUND, TASK_UNKNOWN, TASK_KEY_MISSING, TASK_KEY_WRONG; JOB_STATE if the
 * job isn't under way, TASK_ENDED if the task has ended otherwise. What is reported again changes nothing.
 */
export async function reportTask(
  collections: Collections,
  { job, task: id, key, mayLackKey, status }: TaskReport,
  now: () => string,
): Promise<{ readonly job: CatalogueJob; readonly task: TaskRecord }> {
  const found = await presentJob(collections, job)
  if (!found) throw catalogueError('JOB_NOT_FOUND', { id: job })
  const { value } = found
  const { value: task } = await changeTask(collections, taskKey(job, value.expansion, id), (present) => {
    const keyed = key === undefined && mayLackKey ? present : keyedTask(present, key)
    const after = taskAfter(keyed, status, now())
    if (after && editableStates.includes(value.state)) {
      const needed = 'under way'
      throw catalogueError('JOB_STATE', { id: job, state: value.state, what: 'a report of its task', needed })
    }
    return after ?? (keyed === present ? undefined : keyed)
  })
  return { job: value, task }
}
