import { parse } from 'csv-parse/browser/esm/sync'
import type { Examples } from '../examples.ts'
import { csvFault, csvOptions } from './csv-options.ts'
import { type CsvSettings, csvTable } from './csv-table.ts'

/**
 * Labelled examples in a csv text: a column of labels, and columns of numbers, which become float32.
 *
 * @param file Name for messages.
 * @throws DATA_CSV with line and column; DATA_CSV_COLUMN; DATA_STREAM_ROW, DATA_STREAM_BOUND, DATA_DIVISOR.
 */
export function decodeCsv(text: string | Uint8Array, file: string, settings: CsvSettings): Examples {
  const table = csvTable(file, settings)
  try {
    parse(typeof text === 'string' ? text : new TextDecoder().decode(text), csvOptions(settings, table.add))
  } catch (error) {
    throw csvFault(error, file)
  }
  return table.examples()
}
