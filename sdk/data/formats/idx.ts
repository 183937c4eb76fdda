import { sizeOf } from '../../weights/layout.ts'
import { counted } from '../errors.ts'
import type { Examples } from '../examples.ts'
import { inMemoryExamples } from '../in-memory-examples.ts'
import { formatError, hex } from './errors.ts'

/** Type code of unsigned bytes, the third byte of an idx file. */
const unsignedByte = 8

export interface IdxHeader {
  readonly shape: readonly number[]
  /** Offset of the first value. */
  readonly dataOffset: number
}

/** A file's content and its name for messages. */
export interface NamedBytes {
  readonly file: string
  readonly bytes: Uint8Array
}

/** Bytes of an idx file's header. */
export function idxHeaderBytes(dimensions: number): number {
  return 4 + 4 * dimensions
}

/**
 * Reads labelled examples from a pair of idx files of unsigned bytes, the format of MNIST: two zero bytes, a type code,
 * the number of dimensions, each dimension as a big-endian uint32, then the values.
 *
 * @throws DATA_IDX_MAGIC, DATA_IDX_SIZE, DATA_IDX_COUNT, with the file, the expected and the found content.
 */
export function decodeIdx(images: NamedBytes, labels: NamedBytes): Examples {
  const { shape, dataOffset } = decodeIdxHeader(images.bytes, 3, images.bytes.length, images.file)
  const classes = decodeIdxLabels(labels, shape[0] ?? 0)
  return inMemoryExamples({ features: images.bytes.subarray(dataOffset), labels: classes, shape: shape.slice(1) })
}

/** @throws DATA_IDX_MAGIC, DATA_IDX_SIZE, DATA_IDX_COUNT unless the file has `expected` labels. */
export function decodeIdxLabels({ bytes, file }: NamedBytes, expected: number): Uint8Array {
  const { dataOffset } = decodeIdxHeader(bytes, 1, bytes.length, file)
  const labels = bytes.subarray(dataOffset)
  if (labels.length !== expected) {
    throw formatError('DATA_IDX_COUNT', { file, expected: counted(expected, 'label'), came: labels.length })
  }
  return labels
}

/**
 * @param bytes The file, or at least its header.
 * @param fileBytes Length of the whole file.
 * @throws DATA_IDX_MAGIC, DATA_IDX_SIZE
 */
export function decodeIdxHeader(bytes: Uint8Array, dimensions: number, fileBytes: number, file: string): IdxHeader {
  const expected = [0, 0, unsignedByte, dimensions]
  const magic = [...bytes.subarray(0, 4)]
  if (magic.length < 4 || magic.some((byte, index) => byte !== expected[index])) {
    throw formatError('DATA_IDX_MAGIC', { file, expected: hex(expected), came: hex(magic) })
  }
  const dataOffset = idxHeaderBytes(dimensions)
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const shape = Array.from({ length: dimensions }, (_, index) =>
    bytes.length < dataOffset ? 0 : header.getUint32(4 + 4 * index),
  )
  const size = dataOffset + sizeOf(shape)
  if (bytes.length < dataOffset || fileBytes !== size) {
    throw formatError('DATA_IDX_SIZE', { file, expected: size, came: fileBytes })
  }
  return { shape, dataOffset }
}
