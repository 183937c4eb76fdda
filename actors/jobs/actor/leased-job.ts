import type { DeployableJob } from '../../deployers/deployer.ts'
import { controllerError } from '../../deployers/errors.ts'
import { catalogueError, isRefusal } from '../../model/errors.ts'
import { endedNames, type JobStateName, moveJob, statesBefore } from '../../model/job-states.ts'
import type { Collections } from '../../records/collections.ts'
import { specificationOf } from '../../records/job-records.ts'
import type { CatalogueJob, TaskRecord } from '../../records/record-models.ts'
import type { Stored } from '../../records/records.ts'
import type { HeldLease } from '../leases/leases.ts'

/** A job's document as the owner of a lease reads and writes it. Each call throws LEASE_LOST once there is a later lease. */
export interface LeasedJob {
  readonly value: CatalogueJob
  /** Looks whether others have changed it. */
  refresh(): Promise<void>
  /**
   * Moves it, with the times that tell of it and what else is given. False, and nothing changed, if a person has moved it
   * meanwhile to where this isn't possible from.
   */
  move(to: JobStateName, change?: Partial<Pick<CatalogueJob, 'cause' | 'placedAt'>>): Promise<boolean>
  /** The job and its tasks as a deployer takes them. SCHEMA_UNKNOWN if the job's design is gone. */
  deployable(tasks: readonly TaskRecord[]): Promise<DeployableJob>
  /** Notes that its tasks are as new. */
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

  /** Writes what is made of the document, again if a person was faster. */
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
      const { designSerial, userId: user, run = job, start = '' } = value
      const spec = await specificationOf(collections, { id: job, value })
      const found = await schemas.get(`${designSerial}/${spec.schemaRevision}`)
      if (!found) throw catalogueError('SCHEMA_UNKNOWN', { id: spec.designId })
      return { id: job, run, start, takenOver, user, spec, designSerial, schema: found.value, tasks }
    },
    async tasksAreReset() {
      await write(({ resetTasks: _reset, ...value }) => value)
    },
  }
}

/** The states through which the controller brings a job from one to an end, that one last. */
export function wayTo(from: JobStateName, end: JobStateName): JobStateName[] {
  if (from === end || endedNames.includes(from)) return []
  if (statesBefore('controller', end).includes(from)) return [end]
  const next = from === 'starting' ? 'deploying' : 'running'
  return [next, ...wayTo(next, end)]
}
