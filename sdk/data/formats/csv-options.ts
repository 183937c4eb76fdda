import { dataError } from '../errors.ts'
import type { CsvSettings } from './csv-table.ts'

/** Most bytes of one row: a quote that is never closed must not swallow the memory. */
const maxRowBytes = 16 * 1_048_576

/** Settings of csv-parse for every reader. Each row goes to `add` with the line that it ends on, and isn't kept. */
export function csvOptions({ delimiter = ',' }: CsvSettings, add: (row: readonly string[], line: number) => void) {
  return {
    bom: true,
    delimiter,
    max_record_size: maxRowBytes,
    skip_empty_lines: true,
    trim: true,
    on_record: (row: readonly string[], { lines }: { readonly lines: number }) => {
      add(row, lines)
      return null
    },
  }
}

/** The coded error of a fault that csv-parse found; any other error as it is. Its own class differs by platform. */
export function csvFault(error: unknown, file: string): unknown {
  if (!(error instanceof Error && 'code' in error && 'lines' in error)) return error
  const column = 'column' in error ? error.column : 0
  return dataError('DATA_CSV', { file, line: error.lines, column, reason: error.message }, { cause: error })
}
