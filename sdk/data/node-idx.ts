import { readFileSync } from 'node:fs'
import { sizeOf } from '../weights/layout.ts'
import { dataError } from './errors.ts'
import type { Examples } from './examples.ts'
import { inMemoryExamples } from './in-memory-examples.ts'

/** Type code of unsigned bytes, the third byte of an idx file. */
const unsignedByte = 8

interface IdxArray {
  readonly shape: readonly number[]
  readonly values: Uint8Array
}

/**
 * Reads labelled examples from a pair of idx files of unsigned bytes, the format of MNIST: two zero bytes, a type code,
 * the number of dimensions, each dimension as a big-endian uint32, then the values.
 *
 * @throws DATA_FILE, DATA_IDX_MAGIC, DATA_IDX_SIZE, DATA_IDX_COUNT, with the file, what was expected and what came.
 */
export function readIdx(imagesFile: string | URL, labelsFile: string | URL): Examples {
  const images = readArray(imagesFile, 3)
  const labels = readArray(labelsFile, 1)
  const [count = 0, ...shape] = images.shape
  if (labels.values.length !== count) {
    throw dataError('DATA_IDX_COUNT', { file: String(labelsFile), expected: count, came: labels.values.length })
  }
  return inMemoryExamples({ features: images.values, labels: labels.values, shape })
}

function readArray(file: string | URL, dimensions: number): IdxArray {
  const bytes = readBytes(file)
  const expected = [0, 0, unsignedByte, dimensions]
  const magic = [...bytes.subarray(0, 4)]
  if (magic.length < 4 || magic.some((byte, index) => byte !== expected[index])) {
    throw dataError('DATA_IDX_MAGIC', { file: String(file), expected: hex(expected), came: hex(magic) })
  }
  const start = 4 + 4 * dimensions
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const shape = Array.from({ length: dimensions }, (_, index) =>
    bytes.length < start ? 0 : header.getUint32(4 + 4 * index),
  )
  const size = start + sizeOf(shape)
  if (bytes.length < start || bytes.length !== size) {
    throw dataError('DATA_IDX_SIZE', { file: String(file), expected: size, came: bytes.length })
  }
  return { shape, values: bytes.subarray(start) }
}

function readBytes(file: string | URL): Uint8Array {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw dataError('DATA_FILE', { file: String(file) }, { cause })
  }
}

function hex(bytes: readonly number[]): string {
  if (bytes.length === 0) return 'nothing'
  return `0x${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
