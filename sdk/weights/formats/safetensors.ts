import { z } from 'zod'
import { weightsError } from '../errors.ts'
import { type NamedTensor, sizeOf, type TensorSpec } from '../layout.ts'
import { floatsIn, floatTypes } from './float-type.ts'

/** The format's own limit for the header. */
const mostHeaderBytes = 100_000_000

/** `{`, the first byte of the header. */
const openingBrace = 0x7b

const length = z.int().nonnegative()
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(length),
  data_offsets: z.tuple([length, length]),
})
const metadataSchema = z.record(z.string(), z.string())

interface Entry {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly start: number
  readonly end: number
}

/**
 * Reads the tensors of a safetensors file, in the order of their offsets. F16 and BF16 become float32 exactly; F64 is
 * rounded.
 *
 * @see https://github.com/huggingface/safetensors#format
 * @param file Name for messages.
 * @throws WEIGHTS_DAMAGED with the offset and the expected content; WEIGHTS_TYPE for values other than floats.
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): NamedTensor[] {
  const dataOffset = 8 + headerBytes(bytes, file)
  let end = 0
  const tensors = entriesIn(bytes.subarray(8, dataOffset), file).map((entry) => {
    const { name, shape, dtype } = entry
    const damaged = (expected: string, came: string) =>
      weightsError('WEIGHTS_DAMAGED', { file, offset: dataOffset + entry.start, expected, came })
    const type = floatTypes.get(dtype)
    if (!type)
      throw weightsError('WEIGHTS_TYPE', { file, tensor: name, came: dtype, expected: 'F32, F16, BF16 or F64' })
    if (entry.start !== end) throw damaged(`tensor '${name}' to begin ${end} bytes after the header`, `${entry.start}`)
    const size = sizeOf(shape) * type.bytes
    if (entry.end - entry.start !== size) {
      throw damaged(`${size} bytes of tensor '${name}' of shape [${shape}]`, `${entry.end - entry.start}`)
    }
    end = entry.end
    if (dataOffset + end > bytes.length) throw damaged(`${size} bytes of tensor '${name}'`, 'the end')
    return { name, shape, values: floatsIn(bytes.subarray(dataOffset + entry.start, dataOffset + end), type) }
  })
  if (dataOffset + end !== bytes.length) {
    const came = `${bytes.length - dataOffset - end} bytes more`
    throw weightsError('WEIGHTS_DAMAGED', { file, offset: dataOffset + end, expected: 'the end', came })
  }
  return tensors
}

/**
 * Writes a safetensors file of F32 values.
 *
 * @throws WEIGHTS_NAME for the name `__metadata__`, and for a name that occurs twice.
 */
export function encodeSafetensors(tensors: readonly NamedTensor[]): Uint8Array {
  const beginning = safetensorsBeginning(tensors)
  const size = tensors.reduce((sum, { values }) => sum + values.byteLength, 0)
  const bytes = new Uint8Array(beginning.length + size)
  bytes.set(beginning)
  let start = beginning.length
  for (const { values } of tensors) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), start)
    start += values.byteLength
  }
  return bytes
}

/** A safetensors file of F32 values up to its first value. The values of the tensors follow in their order. */
export function safetensorsBeginning(tensors: readonly TensorSpec[]): Uint8Array {
  let end = 0
  const entries = new Map<string, unknown>()
  for (const { name, shape } of tensors) {
    if (name === '__metadata__')
      throw weightsError('WEIGHTS_NAME', { tensor: name, reason: 'the format reserves this name' })
    if (entries.has(name)) throw weightsError('WEIGHTS_NAME', { tensor: name, reason: 'another tensor has this name' })
    entries.set(name, { dtype: 'F32', shape, data_offsets: [end, (end += 4 * sizeOf(shape))] })
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  // Padded with spaces to a multiple of 8, so that values can be mapped into memory.
  const dataOffset = 8 * Math.ceil((8 + json.length) / 8)
  const bytes = new Uint8Array(dataOffset).fill(0x20)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(dataOffset - 8), true)
  bytes.set(json, 8)
  return bytes
}

function headerBytes(bytes: Uint8Array, file: string): number {
  const damaged = (offset: number, expected: string, came: string) =>
    weightsError('WEIGHTS_DAMAGED', { file, offset, expected, came })
  if (bytes.length < 8) throw damaged(bytes.length, 'the length of the header in 8 bytes', 'the end')
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true)
  const most = Math.min(mostHeaderBytes, bytes.length - 8)
  if (length > BigInt(most)) throw damaged(0, `a header of at most ${most} bytes`, `the length ${length}`)
  return Number(length)
}

function headerEntries(bytes: Uint8Array, file: string): [string, unknown][] {
  let cause: unknown
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof parsed === 'object' && parsed !== null && bytes[0] === openingBrace) return Object.entries(parsed)
  } catch (error) {
    cause = error
  }
  const options = cause === undefined ? {} : { cause }
  throw weightsError('WEIGHTS_DAMAGED', { file, offset: 8, expected: 'a JSON object', came: 'something else' }, options)
}

function entriesIn(bytes: Uint8Array, file: string): Entry[] {
  const entries: Entry[] = []
  for (const [name, value] of headerEntries(bytes, file)) {
    const isMetadata = name === '__metadata__'
    const { data, error } = entrySchema.safeParse(value)
    const fault = isMetadata ? metadataSchema.safeParse(value).error : error
    if (fault) {
      const expected = `an entry '${name}' of the header that fits the format`
      const came = fault.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join(', ')
      throw weightsError('WEIGHTS_DAMAGED', { file, offset: 8, expected, came }, { cause: fault })
    }
    if (isMetadata || !data) continue
    const [start, end] = data.data_offsets
    entries.push({ name, dtype: data.dtype, shape: data.shape, start, end })
  }
  return entries.toSorted((a, b) => a.start - b.start || a.end - b.end)
}
