import { createHash, timingSafeEqual } from 'node:crypto'
import { catalogueError } from '../model/errors.ts'
import type { TaskRecord } from './record-models.ts'

/** The task with its key; one that has none takes the first that is presented. TASK_KEY_MISSING, TASK_KEY_WRONG. */
export function keyedTask(task: TaskRecord, key: string | undefined): TaskRecord {
  if (!key) throw catalogueError('TASK_KEY_MISSING', { id: task.taskId })
  if (task.key === '') return { ...task, key }
  if (!timingSafeEqual(digest(task.key), digest(key))) throw catalogueError('TASK_KEY_WRONG', { id: task.taskId })
  return task
}

/** Of one length whatever the key's, as the comparison needs it. */
function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
