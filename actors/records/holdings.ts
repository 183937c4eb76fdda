import { setTimeout } from 'node:timers/promises'
import type { Collections } from './collections.ts'
import { presentJob } from './job-records.ts'
import { attempted } from './records.ts'

/**
 * Counts the bytes of users that grow without a request: models and events of each job, and the user's entries in the
 * audit log. Writes and removals change the counts, so that no count needs a walk through the data.
 */
export interface Holdings {
  /**
   * Adds the growth of a job's models and events, in bytes; negative for removals. Resolves once the count is durable.
   */
  jobGrew(job: string, user: string, bytes: number): Promise<void>
  /**
   * Adds the growth of a user's entries in the audit log, in bytes; negative for removals. Resolves once the count is
   * durable.
   */
  auditGrew(user: string, bytes: number): Promise<void>
  /** A user's bytes: those of all present jobs, and of the audit log. */
  bytesOf(user: string): Promise<number>
  /** Calls `hear` with each growth, in bytes. */
  subscribe(hear: (user: string, bytes: number) => void): void
}

/** Time in which growth is collected for one write, so that a job with many events writes few counts. */
const togetherMs = 200

/** The key under which the bytes of a job are counted. */
export function jobHolding(job: string): string {
  return `job/${job}`
}

/** Servers on the same store add to the same counts. A crash loses the growth of the last 200 ms. */
export function holdings(
  collections: Pick<Collections, 'holdings' | 'jobs' | 'keptModels'>,
  waitMs = togetherMs,
): Holdings {
  const { holdings: counts } = collections
  const hearers: ((user: string, bytes: number) => void)[] = []
  /** Growth that isn't written yet, by key. */
  let pending = new Map<string, { readonly user: string; readonly job?: string; readonly bytes: number }>()
  let writing: Promise<void> | undefined

  function grew(key: string, growth: { readonly user: string; readonly job?: string; readonly bytes: number }) {
    const bytes = growth.bytes + (pending.get(key)?.bytes ?? 0)
    pending.set(key, { ...growth, bytes })
    for (const hear of hearers) hear(growth.user, growth.bytes)
    writing ??= setTimeout(waitMs, undefined, { ref: false }).then(write)
    return writing
  }

  async function write(): Promise<void> {
    const taken = pending
    pending = new Map()
    writing = undefined
    await Promise.all([...taken].map(([key, growth]) => attempted(() => add(key, growth))))
  }

  async function add(key: string, { user, job, bytes }: { user: string; job?: string; bytes: number }): Promise<void> {
    const present = await counts.get(key)
    if (present) await counts.replace(present, { userId: user, bytes: Math.max(0, present.value.bytes + bytes) })
    // The count of a removed job was removed with the job.
    else if (job === undefined || (await presentJob(collections, job)))
      await counts.put(key, { userId: user, bytes: Math.max(0, bytes) })
  }

  return {
    jobGrew: (job, user, bytes) => grew(jobHolding(job), { user, job, bytes }),
    auditGrew: (user, bytes) => grew(`audit/${user}`, { user, bytes }),
    async bytesOf(user) {
      let sum = 0
      for (const growth of pending.values()) if (growth.user === user) sum += growth.bytes
      for await (const { value } of counts.find({ where: { userId: user } })) sum += value.bytes
      for await (const { value } of collections.keptModels.find({ where: { userId: user } })) sum += value.bytes
      return Math.max(0, sum)
    },
    subscribe(hear) {
      hearers.push(hear)
    },
  }
}
