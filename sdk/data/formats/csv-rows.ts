import type { ParseError, ParseStepResult } from 'papaparse'
import { dataError } from '../errors.ts'

/** What papaparse is told by every reader: a delimiter that is guessed could be guessed wrong. */
export function csvOptions({ delimiter = ',' }: { readonly delimiter?: string }) {
  return { delimiter, skipEmptyLines: false } as const
}

/**
 * Takes what papaparse finds, and passes each row on with the line on which it begins. Papaparse counts rows, not lines:
 * these are counted here, with blank ones and line breaks in quotes.
 *
 * @throws DATA_CSV for quotes that aren't in order.
 */
export function csvRows(file: string, add: (row: readonly string[], line: number) => void) {
  let line = 1
  return ({ data, errors }: Pick<ParseStepResult<string[]>, 'data'> & { readonly errors: readonly ParseError[] }) => {
    const begin = line
    line++
    for (const field of data) if (/[\r\n]/.test(field)) line += lineBreaks(field)
    const [fault] = errors
    if (fault) {
      throw dataError('DATA_CSV', { file, line: begin, column: data.length - 1, reason: fault.message.toLowerCase() })
    }
    const isBlank = data.length === 1 && data[0]?.trim() === ''
    if (!isBlank) add(data, begin)
  }
}

/** A line break before the end of a field is that of its row, where endings are mixed. */
function lineBreaks(field: string): number {
  return field.trim().split(/\r\n|\r|\n/).length - 1
}
