import { type QuotaKeeper, quotaKeeper } from './quotas/quota-keeper.ts'
import { usageOf } from './quotas/usage.ts'
import type { Collections } from './records/collections.ts'
import type { CatalogueParts } from './records/parts.ts'

/** Creations of jobs that one user may have under way. */
const mostCreations = 64

/** Work on a job. It calls `onSettled` when commands on other jobs needn't wait for the work any more. */
type JobWork<Value> = (onSettled: () => void) => Promise<Value>

/**
 * Orders one user's commands: one at a time, in the order of the calls. Creations of jobs are the exception: they run
 * at the same time, since no creation changes a thing that another creation reads, and the store makes simultaneous
 * creations durable together. Writing or removing the tasks of a job may take seconds: only commands that look at all
 * jobs, or change the same job, wait for the end.
 */
export interface UserTurns {
  readonly quota: QuotaKeeper
  /** Runs a command that looks at no job. */
  next<Value>(work: () => Promise<Value>): Promise<Value>
  /** Runs a command that looks at all jobs. */
  afterCreations<Value>(work: () => Promise<Value>): Promise<Value>
  /** Creates a job. `id` is undefined if the job gets a new id. */
  createJob<Value>(id: string | undefined, work: JobWork<Value>): Promise<Value>
  /** Changes or removes a job. */
  changeJob<Value>(id: string, work: JobWork<Value>): Promise<Value>
}

export function userTurns(collections: Collections, parts: CatalogueParts, user: string): UserTurns {
  let last: Promise<unknown> = Promise.resolve()
  const creations = new Set<Promise<void>>()
  /** Creations that still read records which other commands may change. */
  const planning = new Set<Promise<void>>()
  /** The last command on each job whose former tasks are being removed. */
  const clearing = new Map<string, Promise<void>>()

  /** Begins a step when all earlier steps have ended. */
  function inTurn<Value>(step: () => Promise<Value>): Promise<Value> {
    const done = last.then(step)
    last = done.catch(() => {})
    return done
  }

  function begin<Value>(work: JobWork<Value>, after: Promise<void> | undefined) {
    let onSettled = () => {}
    const settled = new Promise<void>((resolve) => {
      onSettled = resolve
    })
    const result = Promise.resolve(after).then(() => work(onSettled))
    const done = result.then(onSettled, onSettled)
    return { result, settled, done }
  }

  return {
    quota: quotaKeeper(user, parts.quotas ?? {}, () => usageOf(collections, parts.store.documents, user, parts.held)),
    next: (work) => inTurn(() => Promise.all(planning).then(work)),
    afterCreations: (work) => inTurn(() => Promise.all(creations).then(work)),
    async createJob(id, work) {
      const { result } = await inTurn(async () => {
        if (creations.size === mostCreations) await Promise.race(creations)
        const begun = begin(work, clearing.get(id ?? ''))
        keep(planning, begun.settled)
        keep(creations, begun.done)
        return begun
      })
      return result
    },
    async changeJob(id, work) {
      const { result } = await inTurn(async () => {
        await Promise.all([...creations, clearing.get(id)])
        const begun = begin(work, undefined)
        const { settled, done } = begun
        clearing.set(id, done)
        void done.then(() => clearing.get(id) === done && clearing.delete(id))
        await settled
        return begun
      })
      return result
    },
  }
}

function keep(promises: Set<Promise<void>>, promise: Promise<void>): void {
  promises.add(promise)
  void promise.then(() => promises.delete(promise))
}
