import { dataError } from '../errors.ts'

/** The text of a csv file, whose bytes come in pieces that may end anywhere. */
export interface CsvText {
  /** What the pieces so far give, less what only the next one decides. @throws DATA_TEXT */
  add(piece: Uint8Array): string
  /** What is left. @throws DATA_TEXT */
  end(): string
}

/**
 * Decodes pieces to text in which every line ends with \n, whether it ended with \r\n, \r or \n, also where a character or
 * a line's end is cut between two pieces. A byte order mark is left out; that of UTF-16 decides the encoding.
 *
 * @param file Name for messages.
 * @param encoding A name that `TextDecoder` knows.
 * @throws DATA_SETTING for an encoding that isn't known.
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
      throw dataError(
        'DATA_TEXT',
        { file, line: line + linesBeforeFault(bytes), encoding: decoder.encoding },
        { cause },
      )
    }
  }
  /** The first bytes are kept until there are enough to tell a byte order mark. */
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

/** Line breaks before the first bytes that are no UTF-8, past those that end a character of the piece before. */
function linesBeforeFault(bytes: Uint8Array): number {
  const start = bytes.findIndex((byte) => (byte & 0xc0) !== 0x80)
  const [before = ''] = new TextDecoder().decode(bytes.subarray(Math.max(0, start))).split('\ufffd', 1)
  return before.split('\n').length - 1
}
