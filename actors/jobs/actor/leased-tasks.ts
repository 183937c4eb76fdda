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

/**
 * The tasks of a job, for the owner of its lease. Writes throw LEASE_LOST once another server has taken the job over.
 */
export interface LeasedTasks {
  /** Reads the tasks. With `claim`, a former owner's writes are refused from then on. */
  load(claim: boolean): Promise<void>
  readonly count: number
  /** In the order of the expansion. */
  all(): readonly TaskRecord[]
  /**
   * Stores a task's new status; those of one task in order. Undefined if the state is the same, or the task had ended.
   */
  store(task: string, status: TaskStatus): Promise<TaskRecord | undefined>
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
  readonly task: string
  readonly status: TaskStatus
  readonly done: { resolve(task: TaskRecord | undefined): void; reject(cause: unknown): void }
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
  /** Statuses that wait until earlier ones are stored. */
  let waiting: Waiting[] = []
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
    known.set(task, written)
    return written.value
  }

  /**
   * Writes waiting statuses in batches, and leaves four fifths of the time to other work: a job may have many thousands
   * of tasks, and a commit of the store may hold up its thread.
   */
  async function storeWaiting(): Promise<void> {
    while (waiting.length > 0) {
      const beganMs = clock.now()
      const batch = new Map<string, Waiting>()
      const later: Waiting[] = []
      for (const item of waiting) {
        if (batch.has(item.task) || batch.size === batchSize) later.push(item)
        else batch.set(item.task, item)
      }
      waiting = later
      await Promise.all(
        [...batch.values()].map(({ task, status, done }) => storeOne(task, status).then(done.resolve, done.reject)),
      )
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

  async function storeOne(task: string, status: TaskStatus): Promise<TaskRecord | undefined> {
    const before = known.get(task)?.value.state
    try {
      const value = await write(task, (present) => taskAfter(present, status, now()))
      return value.state === before ? undefined : value
    } catch (cause) {
      // The first report of a task's end counts.
      if (isRefusal(cause) && cause.code === 'TASK_ENDED') return undefined
      throw cause
    }
  }

  function store(task: string, status: TaskStatus): Promise<TaskRecord | undefined> {
    return new Promise((resolve, reject) => {
      waiting.push({ task, status, done: { resolve, reject } })
      storing ??= Promise.resolve().then(storeWaiting)
    })
  }

  return {
    store,
    get count() {
      return known.size
    },
    all: () => [...known.values()].map(({ value }) => value),
    note(task) {
      const present = known.get(task.taskId)
      // If the stored task has changed since, the next write fails and reads the task again.
      if (present) known.set(task.taskId, { ...present, value: task })
      return present?.value.state !== task.state
    },
    async load(claim) {
      const found = await read()
      for (const task of found) known.set(task.value.taskId, task)
      if (claim) await writeEach(found, ({ value }) => write(value.taskId, (present) => ({ ...present, fence })))
    },
    async changed() {
      const found = await read()
      const changed = found.filter(({ value }) => known.get(value.taskId)?.value.state !== value.state)
      for (const task of found) known.set(task.value.taskId, task)
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
      const stored = await Promise.all(
        left.map(({ taskId }) => store(taskId, { state: 'terminated', ...(log === undefined ? {} : { log }) })),
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
