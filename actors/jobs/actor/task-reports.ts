import { catalogueError, isRefusal } from '../../model/errors.ts'
import { editableStates, endedNames } from '../../model/job-states.ts'
import type { TaskStatus } from '../../model/task.ts'
import type { Collections } from '../../records/collections.ts'
import { presentJob, taskKey } from '../../records/job-records.ts'
import { keyedTask } from '../../records/keys.ts'
import type { CatalogueJob, TaskRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'

export interface FlameletReport {
  readonly job: string
  readonly task: string
  readonly key: string | undefined
  /**
   * True where the server asks for no token: the original's flamelets show no key. A key that is shown must be right.
   */
  readonly mayLackKey: boolean
  readonly status: TaskStatus
}

/**
 * Stores a flamelet's report of its task; a repeated report changes nothing. JOB_NOT_FOUND, TASK_UNKNOWN,
 * TASK_KEY_MISSING, TASK_KEY_WRONG; JOB_STATE if the job isn't under way, TASK_ENDED if the task has ended in another
 * state.
 */
export async function reportTask(
  collections: Collections,
  { job, task: id, key, mayLackKey, status }: FlameletReport,
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

/**
 * A task after a report; undefined if the report changes nothing. TASK_ENDED if the task has ended in another state.
 */
export function taskAfter(task: TaskRecord, { state, log: given }: TaskStatus, at: string): TaskRecord | undefined {
  const log = given === undefined ? undefined : tailOf(given)
  const hasEnded = endedNames.includes(task.state)
  if (hasEnded && task.state !== state)
    throw catalogueError('TASK_ENDED', { id: task.taskId, state: task.state, reported: state })
  if (task.state === state && (hasEnded || log === undefined || log === task.log)) return undefined
  return { ...task, state, timestamp: at, ...(log === undefined ? {} : { log }) }
}

/** Bytes that are kept of the end of a task's log, in UTF-8. */
const logBytes = 64 * 1024

/** Cuts a long log to the lines at its end, below a line that tells of the cut. */
function tailOf(log: string): string {
  const bytes = Buffer.from(log)
  if (bytes.length <= logBytes) return log
  // A character that was cut in two decodes to a replacement.
  const tail = bytes
    .subarray(-logBytes)
    .toString()
    .replace(/^\ufffd+/, '')
  const end = tail.indexOf('\n')
  const kept = end === -1 ? tail : tail.slice(end + 1)
  return `(the log was cut: this is the end of ${bytes.length} bytes)\n${kept}`
}

/**
 * Changes a task by a function of its present record, and answers with the new record. Reads the record first, unless
 * `known` is given; if another writer was faster, reads it again and repeats. TASK_UNKNOWN, and errors of `change`.
 */
export async function changeTask(
  { tasks }: Collections,
  key: string,
  change: (task: TaskRecord) => TaskRecord | undefined,
  known?: Stored<TaskRecord>,
): Promise<Stored<TaskRecord>> {
  for (let found = known ?? (await tasks.get(key)); ; found = await tasks.get(key)) {
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
