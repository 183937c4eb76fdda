import type { JobStatus } from '../../actors/catalogue/model/index.ts'
import type { NumberedEvent } from '../../actors/index.ts'
import { percent } from '../output/phrases.ts'

/** A job as the live view shows it. */
export interface JobRow {
  readonly id: string
  readonly state: JobStatus['state']
  /** Rounds that the job is to have, where it says it. */
  readonly rounds?: number | undefined
  readonly round?: number
  readonly accuracy?: number | undefined
  readonly loss?: number | undefined
  readonly seconds?: number
  /** Why it failed. */
  readonly cause?: string
}

export const rowHead = ['ID', 'STATE', 'ROUND', 'ACCURACY', 'LOSS', 'S/ROUND', 'CAUSE'] as const

/** What a row is after an event. */
export function rowAfter(row: JobRow, { event }: NumberedEvent): JobRow {
  switch (event.type) {
    case 'state': {
      const { cause: _, ...kept } = row
      const cause = event.cause ? { cause: `${event.cause.code} ${event.cause.message.split('\n')[0]}` } : {}
      return { ...kept, state: event.state, ...cause }
    }
    case 'round': {
      const { round, metrics, seconds } = event
      return { ...row, round, accuracy: metrics.accuracy, loss: metrics.loss, seconds }
    }
    default:
      return row
  }
}

export function cellsOf({ id, state, rounds, round, accuracy, loss, seconds, cause = '' }: JobRow): string[] {
  const done = round === undefined ? '-' : `${round}${rounds === undefined ? '' : `/${rounds}`}`
  return [id, state, done, percent(accuracy), loss?.toFixed(4) ?? '-', seconds?.toFixed(2) ?? '-', cause]
}
