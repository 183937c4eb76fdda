import { endedNames } from '../../actors/model/index.ts'
import { table } from '../print/table.ts'
import { type JobRow, tableOf } from './job-row.ts'

export interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

/** A table no larger than the terminal: of more jobs those under way, then the newest. */
export function fittedTable(rows: readonly JobRow[], { rows: lines, columns }: TerminalSize): string {
  const most = Math.max(1, lines - 3)
  const isOver = ({ state }: JobRow) => state === 'ready' || endedNames.includes(state)
  const first = [...rows.filter((row) => !isOver(row)).toReversed(), ...rows.filter(isOver).toReversed()].slice(0, most)
  const shown = rows.filter((row) => first.includes(row))
  const more = rows.length > shown.length ? `\nand ${rows.length - shown.length} more` : ''
  const { head, cells } = tableOf(shown)
  return (table(head, cells) + more)
    .split('\n')
    .map((line) => [...line].slice(0, columns).join(''))
    .join('\n')
}
