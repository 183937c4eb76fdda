import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { dataError } from '../errors.ts'
import type { Examples } from '../examples.ts'
import { csvFault, csvOptions } from '../formats/csv-options.ts'
import { type CsvSettings, csvTable } from '../formats/csv-table.ts'
import { nameOf } from './node-bytes.ts'

/**
 * Reads labelled examples from a csv file, row by row: only the numbers are in memory, four bytes each, at most
 * `maxBytes` (256 MiB).
 *
 * @throws DATA_FILE; DATA_CSV with line and column; DATA_CSV_COLUMN; DATA_STREAM_ROW, DATA_STREAM_BOUND, DATA_DIVISOR.
 */
export async function readCsv(path: string | URL, settings: CsvSettings): Promise<Examples> {
  const file = nameOf(path)
  const table = csvTable(file, settings)
  // Loaded when it is needed: most workloads have no csv file.
  const { parse } = await import('csv-parse')
  const parser = parse(csvOptions(settings, table.add))
  const source = createReadStream(path)
  let unreadable: unknown
  source.once('error', (error) => {
    unreadable = error
  })
  try {
    await pipeline(source, parser.resume())
  } catch (error) {
    if (unreadable !== undefined && error === unreadable) throw dataError('DATA_FILE', { file }, { cause: error })
    throw csvFault(error, file)
  }
  return table.examples()
}
