import { dataError } from '../errors.ts'

export interface CsvRowSettings {
  /** What stands between fields. Default `,`; it isn't guessed, since a guess may be wrong. */
  readonly delimiter?: string
}

/** A row as papaparse gives it, whose types aren't there where this is installed. */
export interface CsvStep {
  readonly data: readonly string[]
  readonly errors: readonly { readonly message: string }[]
}

/** What papaparse is told by every reader. It would take the first line's end for that of all. @throws DATA_SETTING */
export function csvOptions({ delimiter = ',' }: CsvRowSettings) {
  if (delimiter === '' || /[\r\n"\ufeff]/.test(delimiter)) {
    const expected = "one or more characters that are no quote and no line break, such as ';' or '\\t'"
    throw dataError('DATA_SETTING', { name: 'delimiter', came: JSON.stringify(delimiter), expected })
  }
  return { delimiter, newline: '\n', skipEmptyLines: false } as const
}

/**
 * Takes what papaparse finds, and passes each row on with the line on which it begins. Papaparse counts rows, not lines:
 * these are counted here, with blank ones and line breaks in quotes.
 *
 * @throws DATA_CSV for quotes that aren't in order, and for a first line with another delimiter.
 */
export function csvRows(
  file: string,
  { delimiter }: CsvRowSettings,
  add: (row: readonly string[], line: number) => void,
) {
  let line = 1
  let isFirst = true
  return ({ data, errors }: CsvStep) => {
    const begin = line
    line++
    for (const field of data) if (field.includes('\n')) line += field.split('\n').length - 1
    const isBlank = data.length === 1 && data[0]?.trim() === ''
    if (isBlank && errors.length === 0) return
    if (isFirst && delimiter === undefined) checkDelimiter(file, data, begin)
    // The line with which Excel is told the delimiter.
    if (isFirst && data[0]?.startsWith('sep=') && data.slice(1).every((field) => field === '')) return
    isFirst = false
    const [fault] = errors
    if (!fault) return add(data, begin)
    const reason = fault.message.toLowerCase()
    throw dataError('DATA_CSV', { file, line: begin, column: data.length - 1, reason, advice: quotesAdvice })
  }
}

export const quotesAdvice =
  'correct that row; fields that hold the delimiter, a quote or a line break stand in double quotes'

/** Text of other programs for a message: cut, and on one line. */
export function shown(text: string): string {
  const cut = text.length > 40 ? `${text.slice(0, 40)}…` : text
  return `'${cut.replaceAll('\n', '\\n')}'`
}

const otherDelimiters = { semicolon: ';', tab: '\t', 'vertical bar': '|' }

function checkDelimiter(file: string, data: readonly string[], line: number): void {
  const [first = ''] = data.join(',').split('\n', 1)
  if (first.includes(',')) return
  for (const [name, delimiter] of Object.entries(otherDelimiters)) {
    const count = first.split(delimiter).length - 1
    if (count === 0) continue
    const reason = `the first line has no comma, but ${count} ${name}${count === 1 ? '' : 's'}`
    const advice = `give delimiter: ${JSON.stringify(delimiter)}, if that stands between the fields`
    throw dataError('DATA_CSV', { file, line, column: 0, reason, advice })
  }
}
