import type { DeploymentStatus } from '../../catalogue/model/compute.ts'
import type { TaskRecord } from '../../catalogue/records/record-models.ts'

/** Where a task without place of its own runs. */
export const anywhere = 'default'

/** What is known of a task's place. `gone`: it had one, which was given back. */
type Place = 'awaited' | 'there' | 'refused' | 'gone'

export interface TaskPlaces {
  /** Registered computes that are to have agents of the job, each with its tasks. */
  readonly computes: ReadonlyMap<string, readonly TaskRecord[]>
  /** Tasks whose agents somebody else starts. */
  readonly direct: readonly TaskRecord[]
  /** Tasks whose compute isn't registered any more. */
  readonly lost: readonly TaskRecord[]
}

/** Sorts a job's tasks by who starts their agents. */
export function placesOf(tasks: readonly TaskRecord[], registered: ReadonlySet<string>): TaskPlaces {
  const byCompute = new Map<string, TaskRecord[]>()
  for (const task of tasks) {
    const its = byCompute.get(task.computeId)
    if (its) its.push(task)
    else byCompute.set(task.computeId, [task])
  }
  const others = [...byCompute].filter(([compute]) => !registered.has(compute))
  return {
    computes: new Map([...byCompute].filter(([compute]) => registered.has(compute))),
    direct: others.flatMap(([compute, its]) => (compute === anywhere ? its : [])),
    lost: others.flatMap(([compute, its]) => (compute === anywhere ? [] : its)),
  }
}

/** What a compute's word for a task's deployment means. */
export function placeBy(status: DeploymentStatus[string] | undefined): Place {
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
