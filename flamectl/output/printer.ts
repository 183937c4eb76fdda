import { createRequire } from 'node:module'
import { type Format, indentedLines, jsonOf, printable, yamlOf } from './printable.ts'

/** The columns of a list, and the name of an item. */
export interface Listing<Item> {
  /** The cell of an item, by header. */
  readonly columns: Readonly<Record<string, (item: Item) => string | boolean | undefined>>
  readonly nameOf: (item: Item) => string
}

/** Writes a command's result in the format that was asked for. */
export interface Printer {
  /** The format of the option --output; undefined without the option. */
  readonly format: Format | undefined
  /** Whether the format is one for programs. */
  readonly isForPrograms: boolean
  /** Prints a list: for people a table with a header row. */
  list<Item>(items: readonly Item[], listing: Listing<Item>): void
  /** Prints a single thing: for people indented JSON. */
  one(value: unknown, name: string): void
  /** Prints that a command has done its work: for people a sentence. */
  done(sentence: string, value: unknown, name: string): void
  /** Prints a single thing: for people a text of several lines, as it stands. */
  text(text: string, value: unknown, name: string): void
  /** Prints one of many events: a line for people, a line of JSON, or a document of YAML. */
  event(line: string, value: unknown): void
}

/** `formatOf` is called for each print, since commands are made before options are parsed. */
export function printer(formatOf: () => Format | undefined, write: (text: string) => void): Printer {
  const structured = (value: unknown) => write(formatOf() === 'yaml' ? yamlOf(value) : jsonOf(value, 2))
  return {
    get format() {
      return formatOf()
    },
    get isForPrograms() {
      return !['table', undefined].includes(formatOf())
    },
    list(items, { columns, nameOf }) {
      const format = formatOf()
      if (format === 'name') return items.forEach((item) => write(printable(nameOf(item))))
      if (format === 'json' || format === 'yaml') return structured(items)
      const rows = items.map((item) => Object.values(columns).map((cell) => String(cell(item) ?? '')))
      write(table(Object.keys(columns), rows))
    },
    one(value, name) {
      if (formatOf() === 'name') write(printable(name))
      else structured(value)
    },
    done(sentence, value, name) {
      const format = formatOf()
      if (format === 'name') write(printable(name))
      else if (format === 'json' || format === 'yaml') structured(value)
      else write(indentedLines(sentence))
    },
    text(text, value, name) {
      const format = formatOf()
      if (format === 'name') write(printable(name))
      else if (format === 'json' || format === 'yaml') structured(value)
      else for (const line of text.trimEnd().split('\n')) write(printable(line))
    },
    event(line, value) {
      const format = formatOf()
      if (format === 'json') write(jsonOf(value))
      else if (format === 'yaml') write(`---\n${yamlOf(value)}`)
      else write(indentedLines(line))
    },
  }
}

const borders = ['top', 'bottom', 'left', 'right', 'mid'] as const
const corners = ['top-mid', 'top-left', 'top-right', 'bottom-mid', 'bottom-left', 'bottom-right'] as const
const crossings = ['left-mid', 'mid-mid', 'right-mid'] as const
const noLines = Object.fromEntries([...borders, ...corners, ...crossings].map((name) => [name, '']))

const require = createRequire(import.meta.url)

/** Longest text of a cell. An id is never cut; longer text would widen every row. */
const mostCharacters = 100

/** Columns below a header row, without borders, so that other tools can cut and sort them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  // Loaded for lists alone.
  const Table: typeof import('cli-table3') = require('cli-table3')
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
  // Only the beginning of a long text is split into characters.
  const characters = [...printable(cell.slice(0, 4 * mostCharacters))]
  const isShown = characters.length <= mostCharacters && cell.length <= 4 * mostCharacters
  return isShown ? characters.join('') : `${characters.slice(0, mostCharacters - 1).join('')}…`
}
