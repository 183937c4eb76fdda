import { taskKey } from '../../catalogue/jobs/expansions.ts'
import { endedNames } from '../../catalogue/jobs/job-transitions.ts'
import type { TaskStatus } from '../../catalogue/model/task.ts'
import type { Collections } from '../../catalogue/records/collections.ts'
import type { TaskRecord } from '../../catalogue/records/record-models.ts'
import { isRefusal } from '../../errors.ts'
import { controllerError } from '../errors.ts'
import { changeTask, taskAfter } from '../task-status.ts'

/** A job's tasks as the owner of its lease knows them. Writes throw LEASE_LOST once another server has taken the job over. */
export interface LeasedTasks {
  /** Reads them; with `claim`, what a former owner still writes of them is refused from then on. */
  load(claim: boolean): Promise<void>
  /** In the order of the expansion. */
  all(): readonly TaskRecord[]
  /** Stores a task's new state; undefined if it says nothing new, or the task had ended. Those of one task in order. */
  store(task: string, status: TaskStatus): Promise<TaskRecord | undefined>
  /** Takes note of what is stored already; false if that's known. */
  note(task: TaskRecord): boolean
  /** Reads them again; those that are in another state than was known. */
  changed(): Promise<readonly TaskRecord[]>
  /** Makes those ready that show how an earlier start ended. */
  reset(): Promise<void>
  /** Those that haven't ended will not any more. */
  terminateLeft(): Promise<readonly TaskRecord[]>
  /** Resolves when what was to be stored is. */
  settled(): Promise<void>
}

export function leasedTasks(
  collections: Collections,
  now: () => string,
  { job, fence }: { readonly job: string; readonly fence: number },
  expansion: string,
): LeasedTasks {
  const known = new Map<string, TaskRecord>()
  const storing = new Map<string, Promise<unknown>>()

  async function read(): Promise<TaskRecord[]> {
    const found: TaskRecord[] = []
    for await (const { value } of collections.tasks.below(taskKey(job, expansion, ''))) found.push(value)
    return found.toSorted((a, b) => a.index - b.index)
  }

  async function write(task: string, make: (present: TaskRecord) => TaskRecord | undefined): Promise<TaskRecord> {
    const { value } = await changeTask(collections, taskKey(job, expansion, task), (present) => {
      if ((present.fence ?? 0) > fence) throw controllerError('LEASE_LOST', { job })
      return make(present)
    })
    return value
  }

  async function store(task: string, status: TaskStatus): Promise<TaskRecord | undefined> {
    try {
      const value = await write(task, (present) => taskAfter(present, status, now()))
      return note(value) ? value : undefined
    } catch (cause) {
      // The first report of its end counts.
      if (isRefusal(cause) && cause.code === 'TASK_ENDED') return undefined
      throw cause
    }
  }

  function note(task: TaskRecord): boolean {
    const isNew = known.get(task.taskId)?.state !== task.state
    known.set(task.taskId, task)
    return isNew
  }

  return {
    note,
    all: () => [...known.values()],
    async load(claim) {
      const found = await read()
      const tasks = claim
        ? await Promise.all(found.map(({ taskId }) => write(taskId, (present) => ({ ...present, fence }))))
        : found
      for (const task of tasks) known.set(task.taskId, task)
    },
    store(task, status) {
      const stored = (storing.get(task) ?? Promise.resolve()).then(() => store(task, status))
      const settled = stored.catch(() => {})
      storing.set(task, settled)
      void settled.then(() => {
        if (storing.get(task) === settled) storing.delete(task)
      })
      return stored
    },
    changed: async () => (await read()).filter(note),
    async reset() {
      const at = now()
      const ended = [...known.values()].filter(({ state }) => state !== 'ready')
      const ready = await Promise.all(
        ended.map(({ taskId }) =>
          write(taskId, ({ log: _log, ...task }) => ({ ...task, state: 'ready', timestamp: at })),
        ),
      )
      for (const task of ready) note(task)
    },
    async terminateLeft() {
      const left = [...known.values()].filter(({ state }) => !endedNames.includes(state))
      const stored = await Promise.all(left.map(({ taskId }) => store(taskId, { state: 'terminated' })))
      return stored.filter((task) => task !== undefined)
    },
    async settled() {
      await Promise.all(storing.values())
    },
  }
}
