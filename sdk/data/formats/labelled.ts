import { dataError } from '../errors.ts'
import type { Examples } from '../examples.ts'
import { inMemoryExamples } from '../in-memory-examples.ts'
import type { NdArray } from './npy.ts'

/** How arrays of features are read. */
export interface FeatureSettings {
  /** What features are divided by. Default: 255 for unsigned bytes, so that they read as 0 to 1; else 1. */
  readonly divisor?: number
}

/** The divisor of these features: booleans are held as bytes, but stay 0 and 1. */
export function divisorOf(kind: NdArray['kind'], { divisor = kind === 'u1' ? 255 : 1 }: FeatureSettings): number {
  return divisor
}

/**
 * Examples of an array of features, whose first dimension counts the examples, and an array of labels.
 *
 * @param labelsFile Name for messages.
 * @throws DATA_LABELS when there isn't one label an example; DATA_DIVISOR.
 */
export function labelledExamples(
  features: NdArray,
  labels: NdArray,
  labelsFile: string,
  settings: FeatureSettings = {},
): Examples {
  const [count = 0, ...shape] = features.shape
  checkLabels(labels, count, labelsFile)
  const divisor = divisorOf(features.kind, settings)
  return inMemoryExamples({ features: features.values, labels: labels.values, shape, divisor })
}

/** Labels may have a second dimension of length 1, as Keras' CIFAR has. */
export function checkLabels({ shape, values }: NdArray, expected: number, file: string): void {
  const flat = shape.length === 1 || (shape.length === 2 && shape[1] === 1)
  if (!flat || values.length !== expected) throw dataError('DATA_LABELS', { file, expected, came: shape })
}
