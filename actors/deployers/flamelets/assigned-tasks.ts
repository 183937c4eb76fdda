import type { DeploymentStatus } from '../../model/catalogue.ts'
import type { TaskRecord } from '../../records/record-models.ts'

/** Where a task without place of its own runs. */
export const anywhere = 'default'

/** What is known of a task's place. `gone`: it had one, which was given back. */
type FlameletState = 'awaited' | 'there' | 'refused' | 'gone'

export interface AssignedTasks {
  /** Registered computes that are to have flamelets of the job, each with its tasks. */
  readonly computes: ReadonlyMap<string, readonly TaskRecord[]>
  /** Tasks whose flamelets somebody else starts. */
  readonly direct: readonly TaskRecord[]
  /** Tasks whose compute isn't registered any more, or isn't the one that may run them. */
  readonly lost: readonly TaskRecord[]
}

/** Sorts a job's tasks by who starts their flamelets: their computes, where those are registered and may run them. */
export function assignedTasks(tasks: readonly TaskRecord[], isServed: (task: TaskRecord) => boolean): AssignedTasks {
  const others = tasks.filter((task) => !isServed(task))
  const computes = new Map<string, TaskRecord[]>()
  for (const task of tasks.filter(isServed)) {
    const its = computes.get(task.computeId)
    if (its) its.push(task)
    else computes.set(task.computeId, [task])
  }
  return {
    computes,
    direct: others.filter(({ computeId }) => computeId === anywhere),
    lost: others.filter(({ computeId }) => computeId !== anywhere),
  }
}

/** What a compute's word for a task's deployment means. */
export function flameletStateBy(status: DeploymentStatus[string] | undefined): FlameletState {
  switch (status) {
    case undefined:
      return 'awaited'
    case 'agentDeploySuccess':
      return 'there'
    case 'agentDeployFailed':
      return 'refused'
    case 'agentRevokeSuccess':
    case 'agentRevokeFailed':
      return 'gone'
  }
}
