import type { RoundRecord } from '../role/role.ts'
import type { Effects } from './role-context.ts'

/** What a round gave to be published, and the numbers beside it: compared between two runs of the round. */
export interface Outcome {
  readonly records: RoundRecord[]
  readonly metrics: Record<string, number>
}

export function emptyOutcome(): Outcome {
  return { records: [], metrics: {} }
}

/** Effects that note a round's outcome, and pass everything on if there is something to pass it to. */
export function notedEffects(outcome: () => Outcome, passOn?: Effects): Effects {
  return {
    stage(record) {
      outcome().records.push(record)
      passOn?.stage(record)
    },
    metric(name, value) {
      outcome().metrics[name] = value
      passOn?.metric(name, value)
    },
    notice: (notice) => passOn?.notice(notice),
    log: (entry) => passOn?.log(entry),
  }
}
