import type { DeployableJob } from '../../deployers/deployer.ts'
import { controllerError } from '../../deployers/errors.ts'
import { catalogueError, isRefusal } from '../../model/errors.ts'
import { endedNames, type JobStateName, moveJob, statesBefore } from '../../model/job-states.ts'
import type { Collections } from '../../records/collections.ts'
import { specificationOf } from '../../records/job-records.ts'
import type { CatalogueJob, TaskRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'
import type { HeldLease } from '../leases/leases.ts'

/** The document of a job, for the owner of its lease. Each call throws LEASE_LOST once there is a later lease. */
export interface LeasedJob {
  readonly value: CatalogueJob
  /** Reads the document again. */
  refresh(): Promise<void>
  /**
   * Moves the job to a state, with the state's times and the given fields. Returns false and changes nothing if a
   * person has moved the job meanwhile to a state from which `to` can't be reached.
   */
  move(to: JobStateName, change?: Partial<Pick<CatalogueJob, 'cause' | 'placedAt'>>): Promise<boolean>
  /** The job and its tasks, for a deployer. SCHEMA_UNKNOWN if the revision of the job's schema is gone. */
  deployable(tasks: readonly TaskRecord[]): Promise<DeployableJob>
  /** Notes that all tasks are ready again. */
  tasksAreReset(): Promise<void>
}

export async function leasedJob(
  collections: Collections,
  now: () => string,
  { job, fence, takenOver }: HeldLease,
): Promise<LeasedJob> {
  const { jobs, schemas } = collections
  let present = await read()

  async function read(): Promise<Stored<CatalogueJob>> {
    const found = await jobs.get(job)
    if (found?.value.fence !== fence || found.value.removing) throw controllerError('LEASE_LOST', { job })
    return found
  }

  /** Changes the document by `make`; if a person was faster, reads the document again and repeats. */
  async function write(make: (value: CatalogueJob) => CatalogueJob | undefined): Promise<boolean> {
    for (;;) {
      const value = make(present.value)
      if (!value) return false
      try {
        present = await jobs.replace(present, value)
        return true
      } catch (cause) {
        if (!(isRefusal(cause) && cause.code === 'WRITTEN_MEANWHILE')) throw cause
        present = await read()
      }
    }
  }

  return {
    get value() {
      return present.value
    },
    async refresh() {
      present = await read()
    },
    move(to, change = {}) {
      return write((value) => {
        const moved = moveJob(value, 'controller', to)
        if (!moved) return undefined
        const at = now()
        const stamps = Object.fromEntries(moved.stamps.map((stamp) => [stamp, at]))
        return { ...value, ...change, ...stamps, state: moved.state, updatedAt: at }
      })
    },
    async deployable(tasks) {
      const { value } = present
      const { designSerial, userId: user, run = job, start = '', baseModel } = value
      const spec = await specificationOf(collections, { id: job, value })
      const found = await schemas.get(`${designSerial}/${spec.schemaRevision}`)
      if (!found) throw catalogueError('SCHEMA_UNKNOWN', { id: spec.designId })
      return {
        ...{ id: job, run, start, takenOver, user, spec, designSerial, schema: found.value, tasks },
        ...(baseModel && { baseModel }),
      }
    },
    async tasksAreReset() {
      await write(({ resetTasks: _reset, ...value }) => value)
    },
  }
}

/** The states through which the controller brings a job from a state to an end; the end comes last. */
export function wayTo(from: JobStateName, end: JobStateName): JobStateName[] {
  if (from === end || endedNames.includes(from)) return []
  if (statesBefore('controller', end).includes(from)) return [end]
  const next = from === 'starting' ? 'deploying' : 'running'
  return [next, ...wayTo(next, end)]
}
