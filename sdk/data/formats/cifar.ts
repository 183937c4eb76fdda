import type { Examples } from '../examples.ts'
import { inMemoryExamples, join } from '../in-memory-examples.ts'
import { damaged } from './errors.ts'
import type { NamedBytes } from './idx.ts'

/** CIFAR-10; CIFAR-100 with its 100 fine classes; or CIFAR-100 with its 20 coarse classes. */
export type CifarVariant = 'cifar-10' | 'cifar-100' | 'cifar-100-coarse'

/** An image has 32 rows of 32 pixels, and a pixel has red, green and blue. */
export const cifarShape: readonly number[] = [32, 32, 3]

const pixels = 32 * 32
const imageBytes = 3 * pixels

/** A record's label bytes come first. */
export interface CifarRecord {
  readonly bytes: number
  readonly labelAt: number
  readonly imageAt: number
  readonly classes: number
}

const records: Readonly<Record<CifarVariant, CifarRecord>> = {
  'cifar-10': { bytes: 1 + imageBytes, labelAt: 0, imageAt: 1, classes: 10 },
  'cifar-100': { bytes: 2 + imageBytes, labelAt: 1, imageAt: 2, classes: 100 },
  'cifar-100-coarse': { bytes: 2 + imageBytes, labelAt: 0, imageAt: 2, classes: 20 },
}

/**
 * A file's image is 1,024 red values, then green, then blue. For each value in pixel order: its index in the file's
 * image.
 */
export const cifarOrder = Uint16Array.from(
  { length: imageBytes },
  (_, value) => (value % 3) * pixels + Math.floor(value / 3),
)

/** @throws DATA_DAMAGED unless the file has a whole number of records, at least one. */
export function cifarRecord(variant: CifarVariant, fileBytes: number, file: string): CifarRecord {
  const record = records[variant]
  const over = fileBytes % record.bytes
  if (fileBytes === 0 || over !== 0) {
    const came = fileBytes === 0 ? 'an empty file' : `${over} bytes more`
    throw damaged(file, fileBytes - over, `records of ${record.bytes} bytes, as ${variant} has`, came)
  }
  return record
}

/** @throws DATA_DAMAGED unless the label is a class. */
export function cifarLabel(label: number, { classes }: CifarRecord, file: string, offset: number): number {
  if (label >= classes) throw damaged(file, offset, `a label below ${classes}`, String(label))
  return label
}

/**
 * Labelled examples of shape [32, 32, 3] from the binary files of CIFAR, in the order of the files. Features stay bytes
 * until they are read.
 *
 * @see https://www.cs.toronto.edu/~kriz/cifar.html
 * @throws DATA_DAMAGED with the offset and the expected content.
 */
export function decodeCifar(variant: CifarVariant, files: readonly NamedBytes[]): Examples {
  return join(files.map(({ bytes, file }) => decodeFile(variant, bytes, file)))
}

function decodeFile(variant: CifarVariant, bytes: Uint8Array, file: string): Examples {
  const record = cifarRecord(variant, bytes.length, file)
  const count = bytes.length / record.bytes
  const labels = new Uint8Array(count)
  const features = new Uint8Array(count * imageBytes)
  for (let index = 0; index < count; index++) {
    const start = index * record.bytes
    const labelAt = start + record.labelAt
    labels[index] = cifarLabel(bytes[labelAt] ?? 0, record, file, labelAt)
    const image = bytes.subarray(start + record.imageAt, start + record.bytes)
    const to = index * imageBytes
    for (let value = 0; value < imageBytes; value++) features[to + value] = image[cifarOrder[value] ?? 0] ?? 0
  }
  return inMemoryExamples({ features, labels, shape: cifarShape })
}
