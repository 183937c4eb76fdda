import { setTimeout } from 'node:timers/promises'
import type { Collections } from './collections.ts'
import { presentJob } from './job-records.ts'
import { attempted } from './records.ts'

/**
 * Bytes that belong to a user and grow without a request: models and events of each job, and the user's entries of the audit
 * log. They are counted when they are written and when they go, so that nobody walks through them.
 */
export interface Holdings {
  /** A job's models and events have grown by so many bytes, or shrunk. Resolves once the count is durable. */
  jobGrew(job: string, user: string, bytes: number): Promise<void>
  /** The audit log's entries of a user have grown by so many bytes, or shrunk. Resolves once the count is durable. */
  auditGrew(user: string, bytes: number): Promise<void>
  /** The bytes of a user, of all jobs that are there and of the audit log. */
  bytesOf(user: string): Promise<number>
  /** `hear` is told of each growth, in bytes. */
  subscribe(hear: (user: string, bytes: number) => void): void
}

/** Growth is written together, so that a job with many events writes few counts. */
const togetherMs = 200

/** The key under which the bytes of a job are counted. */
export function jobHolding(job: string): string {
  return `job/${job}`
}

/** Servers on the same store add to the same counts. A crash loses the growth of the last 200 ms. */
export function holdings(collections: Pick<Collections, 'holdings' | 'jobs'>, waitMs = togetherMs): Holdings {
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
    // The count of a job that is gone went with the job.
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
      return Math.max(0, sum)
    },
    subscribe(hear) {
      hearers.push(hear)
    },
  }
}
