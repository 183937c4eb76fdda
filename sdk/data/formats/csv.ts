import papaparse from 'papaparse'
import type { Examples } from '../examples.ts'
import { csvOptions, csvRows } from './csv-rows.ts'
import { type CsvSettings, csvTable } from './csv-table.ts'

/**
 * Labelled examples in a csv text: a column of labels, and columns of numbers, which become float32.
 *
 * @param file Name for messages.
 * @throws DATA_CSV with line and column; DATA_CSV_COLUMN; DATA_STREAM_ROW, DATA_STREAM_BOUND, DATA_DIVISOR.
 */
export function decodeCsv(text: string | Uint8Array, file: string, settings: CsvSettings): Examples {
  const table = csvTable(file, settings)
  const content = typeof text === 'string' ? text : new TextDecoder().decode(text)
  papaparse.parse<string[]>(content, { ...csvOptions(settings), step: csvRows(file, table.add) })
  return table.examples()
}
