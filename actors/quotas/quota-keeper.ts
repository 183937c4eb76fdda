import { catalogueError } from '../model/errors.ts'
import { type QuotaName, type Quotas, quotaNames, quotaWords, type Usage } from '../model/quotas.ts'
import type { UsageReport } from '../model/usage-report.ts'

/** Remembers the number of a user's things, so that they needn't be counted at each change. */
export interface QuotaKeeper {
  /** Runs work that adds `more` things, if the quotas allow it. QUOTA_REACHED. */
  using<Value>(more: Partial<Usage>, work: () => Promise<Value>): Promise<Value>
  /** Tells that things may have been removed: they are counted again before a refusal, and before a report. */
  changed(): void
  /** The user's bytes have grown without a request: by a model, an event or an entry of the audit log. */
  grew(bytes: number): void
  report(): Promise<UsageReport>
}

/** `count` counts the user's things. Changes by other servers on the same store show at the next count. */
export function quotaKeeper(user: string, quotas: Quotas, count: () => Promise<Usage>): QuotaKeeper {
  const isBounded = quotaNames.some((name) => quotas[name] !== undefined)
  let counting: Promise<Record<QuotaName, number>> | undefined
  let isStale = false

  function counted(): Promise<Record<QuotaName, number>> {
    if (!counting) {
      isStale = false
      const begun = count().then((usage) => ({ ...usage }))
      counting = begun
      begun.catch(() => {
        if (counting === begun) counting = undefined
      })
    }
    return counting
  }

  function exceeded(usage: Usage, more: Partial<Usage>): QuotaName | undefined {
    return quotaNames.find((name) => {
      const asked = more[name] ?? 0
      const most = quotas[name] ?? Number.POSITIVE_INFINITY
      // A new job asks for no bytes yet, but will write models and events.
      if (name === 'bytes' && more.jobs !== undefined && usage.bytes >= most) return true
      return asked > 0 && usage[name] + asked > most
    })
  }

  async function roomFor(more: Partial<Usage>): Promise<Record<QuotaName, number>> {
    const usage = await counted()
    const name = exceeded(usage, more)
    if (name === undefined) return usage
    if (isStale) {
      counting = undefined
      return roomFor(more)
    }
    const { what, advice } = quotaWords[name]
    const [used, most, asked] = [usage[name], quotas[name], more[name] ?? 0]
    throw catalogueError('QUOTA_REACHED', { user, quota: name, what, used, most, asked, advice })
  }

  return {
    async using(more, work) {
      if (!isBounded) return work()
      const usage = await roomFor(more)
      const add = (sign: 1 | -1) => {
        for (const name of quotaNames) usage[name] += sign * (more[name] ?? 0)
      }
      add(1)
      try {
        return await work()
      } catch (cause) {
        add(-1)
        throw cause
      }
    },
    changed() {
      isStale = true
    },
    grew(bytes) {
      // A count that is under way may have the growth already.
      isStale = true
      void counting?.then(
        (usage) => {
          usage.bytes += bytes
        },
        () => {},
      )
    },
    async report() {
      if (isStale || !isBounded) counting = undefined
      const usage = await counted()
      const of = (name: QuotaName) => {
        const most = quotas[name]
        return { used: usage[name], ...(most === undefined ? {} : { most }) }
      }
      return {
        designs: of('designs'),
        revisions: of('revisions'),
        bytes: of('bytes'),
        datasets: of('datasets'),
        jobs: of('jobs'),
        tasks: of('tasks'),
        keys: of('keys'),
      }
    },
  }
}
