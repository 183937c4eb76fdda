import Table from 'cli-table3'
import { printable } from './printable.ts'

const borders = ['top', 'bottom', 'left', 'right', 'mid'] as const
const corners = ['top-mid', 'top-left', 'top-right', 'bottom-mid', 'bottom-left', 'bottom-right'] as const
const crossings = ['left-mid', 'mid-mid', 'right-mid'] as const
const noLines = Object.fromEntries([...borders, ...corners, ...crossings].map((name) => [name, '']))

/** Columns below a header row, without lines, as other tools can cut and sort them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const made = new Table({
    chars: { ...noLines, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, border: [], compact: true },
  })
  // As a row: with a head, cli-table3 passes all rows as arguments of one call, which overflows the stack.
  made.push([...head])
  for (const row of rows) made.push(row.map(printable))
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
