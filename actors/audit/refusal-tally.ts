import type { Refusal } from '../model/audit-entry.ts'

/** Callers and codes that are told apart until the counts are taken. */
const mostRows = 100

export interface CountedRefusal extends Refusal {
  readonly count: number
}

/** Counts refusals by caller and code, in bounded memory: beyond 100 of these pairs by code alone. */
export function refusalTally() {
  const rows = new Map<string, { readonly refusal: Refusal; count: number }>()
  return {
    add(refusal: Refusal, count = 1): void {
      const own = keyOf(refusal)
      const isToldApart = rows.has(own) || rows.size < mostRows
      const counted = isToldApart ? refusal : { code: refusal.code }
      const row = rows.get(keyOf(counted)) ?? { refusal: counted, count: 0 }
      row.count += count
      rows.set(keyOf(counted), row)
    },
    /** What was counted since it was taken last. */
    take(): CountedRefusal[] {
      const taken = [...rows.values()].map(({ refusal, count }) => ({ ...refusal, count }))
      rows.clear()
      return taken
    },
  }
}

function keyOf({ user = '', address = '', code }: Refusal): string {
  return [user, address, code].join(' ')
}
