import { endedNames } from '../catalogue/jobs/job-transitions.ts'
import type { TaskStatus } from '../catalogue/model/task.ts'
import type { Collections } from '../catalogue/records/collections.ts'
import type { TaskRecord } from '../catalogue/records/record-models.ts'
import type { Stored } from '../catalogue/records/records.ts'
import { catalogueError, isRefusal } from '../errors.ts'

/** A task after a report: undefined if that says nothing new. TASK_ENDED if the task has ended otherwise. */
export function taskAfter(task: TaskRecord, { state, log }: TaskStatus, at: string): TaskRecord | undefined {
  const hasEnded = endedNames.includes(task.state)
  if (hasEnded && task.state !== state)
    throw catalogueError('TASK_ENDED', { id: task.taskId, state: task.state, reported: state })
  if (task.state === state && (hasEnded || log === undefined || log === task.log)) return undefined
  return { ...task, state, timestamp: at, ...(log === undefined ? {} : { log }) }
}

/** Changes a task by what it is now; answers with what it is then. TASK_UNKNOWN, and what `change` throws. */
export async function changeTask(
  { tasks }: Collections,
  key: string,
  change: (task: TaskRecord) => TaskRecord | undefined,
): Promise<Stored<TaskRecord>> {
  for (;;) {
    const found = await tasks.get(key)
    if (!found) {
      const [job, , id] = key.split('/')
      throw catalogueError('TASK_UNKNOWN', { job, id })
    }
    const value = change(found.value)
    if (!value) return found
    try {
      return await tasks.replace(found, value)
    } catch (cause) {
      if (!(isRefusal(cause) && cause.code === 'WRITTEN_MEANWHILE')) throw cause
    }
  }
}
