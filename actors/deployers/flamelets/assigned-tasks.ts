import { defaultCompute } from '../../../sdk/index.ts'
import type { DeploymentStatus } from '../../model/catalogue.ts'
import type { TaskRecord } from '../../records/record-models.ts'

/** State of a task's flamelet on its compute. `gone`: the compute has removed the flamelet. */
type FlameletState = 'awaited' | 'there' | 'refused' | 'gone'

export interface AssignedTasks {
  /** Tasks by the registered compute that is to start their flamelets. */
  readonly computes: ReadonlyMap<string, readonly TaskRecord[]>
  /** Tasks whose flamelets no compute starts: any holder of a task's key may start its flamelet. */
  readonly direct: readonly TaskRecord[]
  /** Tasks whose compute isn't registered any more, or may not run them. */
  readonly lost: readonly TaskRecord[]
}

/**
 * Sorts a job's tasks by the starter of their flamelets. `isServed`: the task's compute is registered, and may run the
 * task.
 */
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
    direct: others.filter(({ computeId }) => computeId === defaultCompute),
    lost: others.filter(({ computeId }) => computeId !== defaultCompute),
  }
}

/** Translates the status that a compute reported for a task's deployment. */
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
