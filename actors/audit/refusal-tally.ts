import type { Refusal } from '../model/audit-entry.ts'

/** Most combinations of caller, operation and code that are told apart until the counts are taken. */
const mostRows = 100

export interface CountedRefusal extends Refusal {
  readonly count: number
  /** The path of the last of these requests. */
  readonly path?: string
}

/** Counts refusals by caller, operation and code, in bounded memory: beyond 100 combinations by code alone. */
export function refusalTally() {
  const rows = new Map<string, CountedRefusal>()
  return {
    add({ count, path, ...refusal }: CountedRefusal): void {
      const isToldApart = rows.has(keyOf(refusal)) || rows.size < mostRows
      const counted = isToldApart ? { ...refusal, ...(path === undefined ? {} : { path }) } : { code: refusal.code }
      const key = keyOf(counted)
      rows.set(key, { ...counted, count: count + (rows.get(key)?.count ?? 0) })
    },
    /** Takes the counts since the last call. */
    take(): CountedRefusal[] {
      const taken = [...rows.values()]
      rows.clear()
      return taken
    },
  }
}

function keyOf({ user = '', address = '', operation = '', code }: Refusal): string {
  return [user, address, operation, code].join(' ')
}
