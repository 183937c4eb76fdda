import { Busboy } from '@fastify/busboy'
import type { CodedError } from '../../runtime/index.ts'
import { apiError } from '../errors.ts'
import { chunksOf, mediaTypeOf, type ReadLimits, type ReadRequest } from './body.ts'

/** Limits of a form's fields. The limit of the body bounds the files. */
const formLimits = { parts: 20, fieldSize: 64 * 1024, headerSize: 16 * 1024, headerPairs: 100 }

/** How texts and files may come: as they are. */
const plainEncodings: readonly string[] = ['7bit', '8bit', 'binary']

/**
 * Reads a form (RFC 7578) as it comes: the fields named in `files` as bytes, all others as text in the charset that they
 * name, or UTF-8. Errors as of `chunksOf`, API_FORM with the fault.
 */
export async function readForm(
  request: ReadRequest,
  limits: ReadLimits,
  files: readonly string[],
): Promise<Readonly<Record<string, string | Uint8Array>>> {
  const type = mediaTypeOf(request)
  if (type !== 'multipart/form-data')
    throw apiError('API_MEDIA_TYPE', { found: type ?? 'of no type', expected: 'multipart/form-data' })
  const boundary = boundaryIn(request.headers['content-type'] ?? '')
  const fields = new Map<string, string | Uint8Array>()
  const form = new Busboy({
    headers: { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    isPartAFile: (name = '') => files.includes(name),
    limits: formLimits,
  })
  let parts = 0
  let read = 0
  const done = new Promise<void>((resolve, reject) => {
    const add = (name: string | undefined, value: string | Uint8Array, encoding: string, isCut = false) => {
      read += 1
      if (name === undefined) reject(faulty('one of its parts has no name'))
      else if (fields.has(name)) reject(faulty(`its field ${name} is there twice`))
      else if (isCut) reject(faulty(`its field ${name} has more than ${formLimits.fieldSize} bytes`))
      else if (!plainEncodings.includes(encoding)) reject(faulty(`its field ${name} is encoded as ${encoding}`))
      else fields.set(name, value)
    }
    form.on('field', (name: string | undefined, value, _, isCut, encoding) => add(name, value, encoding, isCut))
    form.on('file', (name, stream, _, encoding) => {
      const chunks: Uint8Array[] = []
      stream.on('data', (chunk: Uint8Array) => chunks.push(chunk))
      stream.on('error', reject)
      stream.on('end', () => add(name, Buffer.concat(chunks), encoding))
    })
    form.on('error', (cause) => reject(faulty(cause instanceof Error ? cause.message : String(cause), cause)))
    form.on('finish', resolve)
  })
  // The reader of the form hears of the error below.
  done.catch(() => {})
  for await (const { bytes, beginsPart } of framed(chunksOf(request, limits), boundary)) {
    if (beginsPart) parts += 1
    if (parts > formLimits.parts) throw faulty(`it has more than ${formLimits.parts} parts`)
    form.write(bytes)
  }
  form.end()
  await done
  // The parser passes over parts whose headers it can't read.
  if (read < parts)
    throw faulty(`${parts - read} of its ${parts} parts have no header "Content-Disposition: form-data; name=…"`)
  return Object.fromEntries(fields)
}

/** The boundary that a media type names. API_FORM. */
function boundaryIn(type: string): string {
  const [, quoted, plain] = /;\s*boundary\s*=\s*(?:"([^"]*)"|([^\s;"]+))/i.exec(type) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) throw faulty('its Content-Type names no boundary')
  if (/^[\x20-\x7e]{1,200}$/.test(boundary) && !boundary.includes('\\')) return boundary
  throw faulty(`its boundary is ${JSON.stringify(boundary.slice(0, 300))}`)
}

interface FramedBytes {
  readonly bytes: Uint8Array
  readonly beginsPart: boolean
}

/** More than a delimiter needs after it, with its padding. */
const endingBytes = 256

/**
 * A form as the parser takes it: from its first delimiter to its last, without what RFC 2046 allows around them, a preamble,
 * an epilogue and padding. API_FORM if a delimiter is missing, or something else stands after one.
 */
async function* framed(chunks: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<FramedBytes, void, void> {
  // Lines of a preamble may end with LF alone.
  const [first, next] = [Buffer.from(`\n--${boundary}`), Buffer.from(`\r\n--${boundary}`)]
  let hasBegun = false
  let hasEnded = false
  let held: Uint8Array = Buffer.from('\r\n')
  for await (const chunk of chunks) {
    // Bytes after the last delimiter are read and dropped, so that the connection can serve the next request.
    if (hasEnded) continue
    const bytes = Buffer.concat([held, chunk])
    let from = 0
    for (;;) {
      const mark = hasBegun ? next : first
      const at = bytes.indexOf(mark, from)
      const content = at === -1 ? Math.max(from, bytes.length - mark.length + 1) : at
      if (hasBegun && content > from) yield { bytes: bytes.subarray(from, content), beginsPart: false }
      from = content
      if (at === -1) break
      const after = bytes.toString('latin1', at + mark.length, at + mark.length + endingBytes)
      const [ending] = /^(?:--|[ \t]*\r\n)/.exec(after) ?? []
      if (ending === undefined) {
        if (after.length < endingBytes && /^(?:-|[ \t]*\r?)$/.test(after)) break
        if (/^[ \t]*\n/.test(after)) throw faulty('its lines end with LF alone')
        const found = JSON.stringify(after.slice(0, 20))
        if (hasBegun) throw faulty(`${found} stands after a delimiter in its line`)
        // A line of the preamble that begins alike.
        from += 1
        continue
      }
      hasBegun = true
      hasEnded = ending === '--'
      const line = hasEnded ? `\r\n--${boundary}--\r\n` : `\r\n--${boundary}\r\n`
      yield { bytes: Buffer.from(line, 'latin1'), beginsPart: !hasEnded }
      if (hasEnded) break
      from = at + mark.length + ending.length
    }
    held = bytes.subarray(from)
  }
  if (hasEnded) return
  const name = JSON.stringify(`--${boundary}`)
  throw faulty(hasBegun ? `it ends without its last delimiter ${name.slice(0, -1)}--"` : `none of its lines is ${name}`)
}

function faulty(found: string, cause?: unknown): CodedError {
  return apiError('API_FORM', { found }, cause === undefined ? {} : { cause })
}
