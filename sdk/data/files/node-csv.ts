import { createReadStream } from 'node:fs'
import { dataError } from '../errors.ts'
import type { Examples } from '../examples.ts'
import { csvOptions, csvRows } from '../formats/csv-rows.ts'
import { type CsvSettings, csvTable } from '../formats/csv-table.ts'
import { nameOf } from './node-file-content.ts'

/** Most bytes of one row: papaparse would keep, and read again, all that follows a quote that is never closed. */
const maxRowBytes = 16 * 1_048_576

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
  const { default: papaparse } = await import('papaparse')
  const source = createReadStream(path)
  let bytesSinceRow = 0
  let lastLine = 0
  const rows = csvRows(file, (row, line) => {
    bytesSinceRow = 0
    lastLine = line
    table.add(row, line)
  })
  try {
    await new Promise<void>((resolve, reject) => {
      source.once('error', (cause) => reject(dataError('DATA_FILE', { file }, { cause })))
      source.on('data', ({ length }) => {
        bytesSinceRow += length
        if (bytesSinceRow <= maxRowBytes) return
        const reason = `a row of more than ${maxRowBytes} bytes, or a quote that is not closed`
        reject(dataError('DATA_CSV', { file, line: lastLine + 1, column: 0, reason }))
        source.destroy()
      })
      papaparse.parse<string[]>(source, {
        ...csvOptions(settings),
        step: rows,
        complete: () => resolve(),
        error: reject,
      })
    })
  } finally {
    source.destroy()
  }
  return table.examples()
}
