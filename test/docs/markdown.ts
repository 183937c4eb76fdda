/** A table with columns of equal widths, as the formatter has them. */
export function tableOf(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('|', String.raw`\|`)))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => [...(row[column] ?? '')].length)))
  const line = (row: readonly string[], fill: string) =>
    `| ${row.map((cell, column) => cell + fill.repeat((widths[column] ?? 0) - [...cell].length)).join(' | ')} |`
  const [head = [], ...rest] = cells
  return [
    line(head, ' '),
    line(
      head.map(() => ''),
      '-',
    ),
    ...rest.map((row) => line(row, ' ')),
  ].join('\n')
}

/** The text as a sentence: with a capital letter and a full stop. */
export function sentence(text: string): string {
  const end = /[.!?:]$/.test(text) ? '' : '.'
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${end}`
}

/** A text as one line of Markdown that shows the text's own characters. */
export function shown(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').replaceAll(/[*<>[\]]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, String.raw`\$&`)
}
