import type { NumberedEvent } from '../../actors/index.ts'
import type { JobStatus } from '../../actors/model/index.ts'
import { figure, mainMetricNames } from '../output/phrases.ts'

/** A job as the live view shows it. */
export interface JobRow {
  readonly id: string
  readonly state: JobStatus['state']
  /** Rounds that the job is to have, where it says it. */
  readonly rounds?: number | undefined
  readonly round?: number
  readonly metrics?: Readonly<Record<string, number>>
  readonly seconds?: number
  /** Why it failed. */
  readonly cause?: string
}

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
      return { ...row, round, metrics, seconds }
    }
    default:
      return row
  }
}

/** Rows as a table: a column for each metric that one of their jobs has. */
export interface RowTable {
  readonly head: readonly string[]
  readonly cells: readonly (readonly string[])[]
}

export function tableOf(rows: readonly JobRow[]): RowTable {
  const names = mainMetricNames(rows.flatMap(({ metrics = {} }) => Object.keys(metrics)))
  return {
    head: ['ID', 'STATE', 'ROUND', ...names.map((name) => name.toUpperCase()), 'S/ROUND', 'CAUSE'],
    cells: rows.map(({ id, state, rounds, round, metrics = {}, seconds, cause = '' }) => {
      const done = round === undefined ? '-' : `${round}${rounds === undefined ? '' : `/${rounds}`}`
      const found = names.map((name) => (metrics[name] === undefined ? '-' : figure(name, metrics[name])))
      return [id, state, done, ...found, seconds?.toFixed(2) ?? '-', cause]
    }),
  }
}
