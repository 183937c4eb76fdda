import Table from 'cli-table3'
import { printable } from './printable.ts'

const borders = ['top', 'bottom', 'left', 'right', 'mid'] as const
const corners = ['top-mid', 'top-left', 'top-right', 'bottom-mid', 'bottom-left', 'bottom-right'] as const
const crossings = ['left-mid', 'mid-mid', 'right-mid'] as const
const noLines = Object.fromEntries([...borders, ...corners, ...crossings].map((name) => [name, '']))

/** A cell holds any id whole; longer text is cut, as it would widen every row. */
const mostCharacters = 100

/** Columns below a header row, without lines, as other tools can cut and sort them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const made = new Table({
    chars: { ...noLines, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, border: [], compact: true },
  })
  // As a row: with a head, cli-table3 passes all rows as arguments of one call, which overflows the stack.
  made.push([...head])
  for (const row of rows) made.push(row.map(cut))
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

function cut(cell: string): string {
  // Of a long text only as much is looked at as can be shown.
  const characters = [...printable(cell.slice(0, 4 * mostCharacters))]
  const isShown = characters.length <= mostCharacters && cell.length <= 4 * mostCharacters
  return isShown ? characters.join('') : `${characters.slice(0, mostCharacters - 1).join('')}…`
}
