import type { Clock } from '../../../runtime/index.ts'
import { controllerError } from '../../deployers/errors.ts'
import { isRefusal } from '../../model/errors.ts'
import { endedNames } from '../../model/job-states.ts'
import type { TaskStatus } from '../../model/task.ts'
import type { Collections } from '../../records/collections.ts'
import { taskKey } from '../../records/job-records.ts'
import type { TaskRecord } from '../../records/record-models.ts'
import { batchSize, inBatches, type Stored } from '../../records/records.ts'
import { changeTask, taskAfter } from './task-reports.ts'
import { type CountsByRole, countsByRole } from './verdict.ts'

/**
 * The tasks of a job, for the owner of its lease. Writes throw LEASE_LOST once another server has taken the job over.
 */
export interface LeasedTasks {
  /** Reads the tasks. With `claim`, a former owner's writes are refused from then on. */
  load(claim: boolean): Promise<void>
  readonly count: number
  /** By role. */
  readonly counts: CountsByRole['roles']
  /** In the order of the expansion. */
  all(): readonly TaskRecord[]
  /**
   * Stores a task's new status; those of one task in order. Calls `stored` after that, with the record; without one if
   * the state is the same, or the task had ended. No promise, since all tasks of a large job report at once.
   */
  store(task: string, status: TaskStatus, stored: Waiting['stored'], failed: Waiting['failed']): void
  /** Takes note of a task that another writer has stored. False if its state was known. */
  note(task: TaskRecord): boolean
  /** Reads the tasks again. Answers with the tasks whose state wasn't known. */
  changed(): Promise<readonly TaskRecord[]>
  /** Makes the tasks ready that still have their state from an earlier start. */
  reset(): Promise<void>
  /** Ends the remaining tasks as terminated, with a log if one is given. Answers with the changed tasks. */
  terminateLeft(log: string | undefined): Promise<readonly TaskRecord[]>
  /** Resolves when all statuses are stored. */
  settled(): Promise<void>
}

interface Waiting {
  readonly status: TaskStatus
  /** Called once the status is stored, with the changed record, as `store` resolves. */
  readonly stored: (task: TaskRecord | undefined, status: TaskStatus) => void
  readonly failed: (cause: unknown) => void
}

/** Writes items in batches: writing all tasks of a large job at once would hold up other users. */
function writeEach<Item>(items: readonly Item[], write: (item: Item) => Promise<unknown>): Promise<void> {
  return inBatches(items, batchSize, (batch) => Promise.all(batch.map(write)))
}

export function leasedTasks(
  collections: Collections,
  { now, clock }: { readonly now: () => string; readonly clock: Clock },
  { job, fence }: { readonly job: string; readonly fence: number },
  expansion: string,
): LeasedTasks {
  const known = new Map<string, Stored<TaskRecord>>()
  const counts = countsByRole()
  /** By task: statuses that wait until earlier ones are stored. */
  const waiting = new Map<string, Waiting[]>()
  let storing: Promise<void> | undefined
  /** True while a caller of `settled` waits. */
  let isHurried = false
  /** Ends a pause. */
  let goOn = () => {}

  async function read(): Promise<Stored<TaskRecord>[]> {
    const found: Stored<TaskRecord>[] = []
    for await (const task of collections.tasks.below(taskKey(job, expansion, ''))) found.push(task)
    return found.toSorted((a, b) => a.value.index - b.value.index)
  }

  async function write(task: string, make: (present: TaskRecord) => TaskRecord | undefined): Promise<TaskRecord> {
    const change = (present: TaskRecord) => {
      if ((present.fence ?? 0) > fence) throw controllerError('LEASE_LOST', { job })
      return make(present)
    }
    const written = await changeTask(collections, taskKey(job, expansion, task), change, known.get(task))
    learn(written)
    return written.value
  }

  function learn(task: Stored<TaskRecord>): void {
    const { taskId } = task.value
    counts.change(task.value, known.get(taskId)?.value)
    known.set(taskId, task)
  }

  /**
   * Writes waiting statuses in batches, and leaves four fifths of the time to other work: a job may have many thousands
   * of tasks, and a commit of the store may hold up its thread.
   */
  async function storeWaiting(): Promise<void> {
    while (waiting.size > 0) {
      const beganMs = clock.now()
      const batch: Promise<void>[] = []
      // The tasks that come first, without a look at all that wait: these may be all tasks of a large job.
      for (const [task, items] of waiting) {
        const [item, ...later] = items
        if (later.length > 0) waiting.set(task, later)
        else waiting.delete(task)
        if (item) batch.push(storeOne(task, item))
        if (batch.length === batchSize) break
      }
      await Promise.all(batch)
      await pause(4 * (clock.now() - beganMs))
    }
    storing = undefined
  }

  function pause(delayMs: number): Promise<void> | undefined {
    if (delayMs === 0 || isHurried) return undefined
    return new Promise((resolve) => {
      goOn = resolve
      clock.schedule(delayMs, resolve)
    })
  }

  async function storeOne(task: string, { status, stored, failed }: Waiting): Promise<void> {
    const before = known.get(task)?.value.state
    try {
      const value = await write(task, (present) => taskAfter(present, status, now()))
      stored(value.state === before ? undefined : value, status)
    } catch (cause) {
      // The first report of a task's end counts.
      if (isRefusal(cause) && cause.code === 'TASK_ENDED') stored(undefined, status)
      else failed(cause)
    }
  }

  function enqueue(task: string, item: Waiting): void {
    const items = waiting.get(task)
    if (items) items.push(item)
    else waiting.set(task, [item])
    storing ??= Promise.resolve().then(storeWaiting)
  }

  return {
    store: (task, status, stored, failed) => enqueue(task, { status, stored, failed }),
    get count() {
      return known.size
    },
    counts: counts.roles,
    all: () => [...known.values()].map(({ value }) => value),
    note(task) {
      const present = known.get(task.taskId)
      // If the stored task has changed since, the next write fails and reads the task again.
      if (present) learn({ ...present, value: task })
      return present?.value.state !== task.state
    },
    async load(claim) {
      const found = await read()
      for (const task of found) learn(task)
      if (claim) await writeEach(found, ({ value }) => write(value.taskId, (present) => ({ ...present, fence })))
    },
    async changed() {
      const found = await read()
      const changed = found.filter(({ value }) => known.get(value.taskId)?.value.state !== value.state)
      for (const task of found) learn(task)
      return changed.map(({ value }) => value)
    },
    async reset() {
      const at = now()
      const ended = this.all().filter(({ state }) => state !== 'ready')
      await writeEach(ended, ({ taskId }) =>
        write(taskId, ({ log: _log, ...task }) => ({ ...task, state: 'ready', timestamp: at })),
      )
    },
    async terminateLeft(log) {
      const left = this.all().filter(({ state }) => !endedNames.includes(state))
      const status = { state: 'terminated', ...(log === undefined ? {} : { log }) } as const
      const stored = await Promise.all(
        left.map(
          ({ taskId }) =>
            new Promise<TaskRecord | undefined>((resolve, failed) =>
              enqueue(taskId, { status, stored: resolve, failed }),
            ),
        ),
      )
      return stored.filter((task) => task !== undefined)
    },
    async settled() {
      isHurried = true
      goOn()
      await storing
      isHurried = false
    },
  }
}
