import papaparse from 'papaparse'
import type { Examples } from '../examples.ts'
import { csvOptions, csvRows, csvText } from './csv-rows.ts'
import { type CsvSettings, csvTable } from './csv-table.ts'

/**
 * Reads labelled examples from a csv text: a column of labels, and columns of numbers, which become float32.
 *
 * @param file Name for messages.
 * @throws DATA_CSV with line and column; DATA_CSV_COLUMN; DATA_TEXT; DATA_STREAM_ROW, DATA_STREAM_BOUND, DATA_DIVISOR,
 *   DATA_SETTING.
 */
export function decodeCsv(text: string | Uint8Array, file: string, settings: CsvSettings): Examples {
  const table = csvTable(file, settings)
  const content = typeof text === 'string' ? text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n') : decoded(text)
  papaparse.parse<string[]>(content, { ...csvOptions(settings), step: csvRows(file, settings, table.add) })
  return table.examples()

  function decoded(bytes: Uint8Array): string {
    const { add, end } = csvText(file, settings.encoding)
    return add(bytes) + end()
  }
}
