import { catalogueError } from '../../model/errors.ts'
import { attempted } from '../../records/attempted.ts'
import type { Collections } from '../../records/collections.ts'
import type { CatalogueJob, TaskRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'
import { keyedTask } from '../../records/task-keys.ts'
import { presentJob } from './expansions.ts'

export interface FoundTask {
  readonly job: Stored<CatalogueJob>
  readonly task: Stored<TaskRecord>
}

/**
 * A task, for the agent that shows its key. A task without key takes the first that is shown.
 * JOB_NOT_FOUND, TASK_UNKNOWN, TASK_KEY_MISSING, TASK_KEY_WRONG.
 */
export function findTask(
  collections: Collections,
  jobId: string,
  taskId: string,
  key: string | undefined,
): Promise<FoundTask> {
  return attempted(async () => {
    const job = await presentJob(collections, jobId)
    if (!job) throw catalogueError('JOB_NOT_FOUND', { id: jobId })
    const task = await collections.tasks.get(`${jobId}/${job.value.expansion}/${taskId}`)
    if (!task) throw catalogueError('TASK_UNKNOWN', { job: jobId, id: taskId })
    const keyed = keyedTask(task.value, key)
    if (keyed !== task.value) await collections.tasks.replace(task, keyed)
    return { job, task }
  })
}
