import { dataError } from '../errors.ts'
import { formatError } from './errors.ts'

/** The text of a csv file, from pieces of bytes that may end anywhere. */
export interface CsvText {
  /** Adds a piece. Returns the decoded text, without an end that depends on the next piece. @throws DATA_TEXT */
  add(piece: Uint8Array): string
  /** Returns the remaining text. @throws DATA_TEXT */
  end(): string
}

/**
 * Decodes pieces to text in which every line ends with \n in place of \r\n, \r or \n, even where two pieces cut a
 * character or a line's end. Drops a byte order mark; that of UTF-16 decides the encoding.
 *
 * @param file Name for messages.
 * @param encoding A name that `TextDecoder` knows.
 * @throws DATA_SETTING for an unknown encoding.
 */
export function csvText(file: string, encoding = 'utf-8'): CsvText {
  let decoder = decoderOf(encoding)
  let begin: Uint8Array | undefined = new Uint8Array()
  let held = ''
  let line = 1

  function normal(text: string): string {
    const whole = held + text
    held = whole.endsWith('\r') ? '\r' : ''
    const lines = whole.slice(0, whole.length - held.length).replace(/\r\n?/g, '\n')
    for (let at = lines.indexOf('\n'); at >= 0; at = lines.indexOf('\n', at + 1)) line++
    return lines
  }
  function decode(bytes: Uint8Array, stream: boolean): string {
    try {
      return normal(decoder.decode(bytes, { stream }))
    } catch (cause) {
      throw formatError(
        'DATA_TEXT',
        { file, line: line + linesBeforeFault(bytes), encoding: decoder.encoding },
        { cause },
      )
    }
  }
  /** The first bytes are held until they suffice to recognize a byte order mark. */
  function decodeBegin(bytes: Uint8Array, stream: boolean): string {
    begin = undefined
    const [first, second] = bytes
    if (first === 0xff && second === 0xfe) decoder = decoderOf('utf-16le')
    if (first === 0xfe && second === 0xff) decoder = decoderOf('utf-16be')
    return decode(bytes, stream)
  }
  return {
    add(piece) {
      if (!begin) return decode(piece, true)
      const bytes = new Uint8Array(begin.length + piece.length)
      bytes.set(begin)
      bytes.set(piece, begin.length)
      if (bytes.length >= 2) return decodeBegin(bytes, true)
      begin = bytes
      return ''
    },
    end() {
      const rest = begin ? decodeBegin(begin, false) : decode(new Uint8Array(), false)
      return held === '' ? rest : `${rest}\n`
    },
  }
}

function decoderOf(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true })
  } catch (cause) {
    const expected = "a name of an encoding, such as 'utf-8', 'windows-1252' or 'utf-16le'"
    throw dataError('DATA_SETTING', { name: 'encoding', came: `'${encoding}'`, expected }, { cause })
  }
}

/**
 * Number of line breaks before the first bytes that aren't UTF-8. Skips bytes that end a character of the previous
 * piece.
 */
function linesBeforeFault(bytes: Uint8Array): number {
  const start = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80)
  const [before = ''] = new TextDecoder().decode(bytes.subarray(Math.max(0, start))).split('\ufffd', 1)
  return before.split('\n').length - 1
}

export interface CsvRowSettings {
  /** Separates fields. Default `,`. The delimiter isn't guessed, since a guess may be wrong. */
  readonly delimiter?: string
}

/** A step of papaparse, whose types aren't always installed. */
export interface CsvStep {
  readonly data: readonly string[]
  readonly errors: readonly { readonly message: string }[]
}

/**
 * Papaparse's options for every reader. `newline` is set since papaparse would infer it from the first line. @throws
 * DATA_SETTING
 */
export function csvOptions({ delimiter = ',' }: CsvRowSettings) {
  if (delimiter === '' || /[\r\n"\ufeff]/.test(delimiter)) {
    const expected = "one or more characters that are no quote and no line break, such as ';' or '\\t'"
    throw dataError('DATA_SETTING', { name: 'delimiter', came: JSON.stringify(delimiter), expected })
  }
  return { delimiter, newline: '\n', skipEmptyLines: false } as const
}

/**
 * Takes papaparse's steps, and passes on each row with the line on which it begins. Papaparse counts rows; lines are
 * counted here, with blank lines and line breaks in quotes.
 *
 * @throws DATA_CSV for misplaced quotes, and for a first line with another delimiter.
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
    // The line that tells Excel the delimiter.
    if (isFirst && data[0]?.startsWith('sep=') && data.slice(1).every((field) => field === '')) return
    isFirst = false
    const [fault] = errors
    if (!fault) return add(data, begin)
    const reason = fault.message.toLowerCase()
    throw formatError('DATA_CSV', { file, line: begin, column: data.length - 1, reason, advice: quotesAdvice })
  }
}

export const quotesAdvice = 'correct the row; put fields with the delimiter, a quote or a line break in double quotes'

/** Foreign text for a message: shortened, and on one line. */
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
    const advice = `give delimiter: ${JSON.stringify(delimiter)}, if this separates the fields`
    throw formatError('DATA_CSV', { file, line, column: 0, reason, advice })
  }
}
