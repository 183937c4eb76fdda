import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { Examples } from '../examples.ts'
import { csvOptions, csvRows, csvText } from '../formats/csv-rows.ts'
import { type CsvSettings, csvTable } from '../formats/csv-table.ts'
import { formatError } from '../formats/errors.ts'
import { checkUnchanged, fileError, nameOf } from './node-file-content.ts'

/**
 * Most bytes of one row. After a quote that is never closed, papaparse would keep the rest of the file, and read it
 * again for each piece.
 */
const maxRowBytes = 16 * 1_048_576

/**
 * Reads labelled examples from a csv file, row by row. Memory holds only the numbers, four bytes each, at most
 * `maxBytes` (256 MiB).
 *
 * @throws DATA_FILE; DATA_CHANGED; DATA_CSV with line and column; DATA_CSV_COLUMN; DATA_TEXT; DATA_STREAM_ROW,
 *   DATA_STREAM_BOUND, DATA_DIVISOR, DATA_SETTING.
 */
export async function readCsv(path: string | URL, settings: CsvSettings): Promise<Examples> {
  const file = nameOf(path)
  const table = csvTable(file, settings)
  const text = csvText(file, settings.encoding)
  const options = csvOptions(settings)
  // Loaded on demand: most workloads have no csv file.
  const { default: papaparse } = await import('papaparse')
  let bytesSinceRow = 0
  let lastLine = 0
  const rows = csvRows(file, settings, (row, line) => {
    bytesSinceRow = 0
    lastLine = line
    table.add(row, line)
  })
  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      const before = await stat(path)
      yield* createReadStream(path)
      checkUnchanged(file, before, await stat(path))
    } catch (cause) {
      throw fileError(file, cause)
    }
  }
  async function* pieces(): AsyncGenerator<string> {
    for await (const piece of bytes()) {
      bytesSinceRow += piece.length
      if (bytesSinceRow > maxRowBytes) {
        const reason = `a row of more than ${maxRowBytes} bytes, or a quote that is not closed`
        const advice = 'look for a quote in the row that is not closed, or shorten the row'
        throw formatError('DATA_CSV', { file, line: lastLine + 1, column: 0, reason, advice })
      }
      yield text.add(piece)
    }
    yield text.end()
  }
  const source = Readable.from(pieces())
  try {
    await new Promise<void>((resolve, reject) => {
      papaparse.parse<string[]>(source, { ...options, step: rows, complete: () => resolve(), error: reject })
    })
  } finally {
    source.destroy()
  }
  return table.examples()
}
