import { sizeOf } from '../../weights/layout.ts'
import { counted, dataError } from '../errors.ts'
import { checkFinite, type Examples, valueError } from '../examples.ts'
import { inMemoryExamples } from '../in-memory-examples.ts'
import type { NdArray } from './npy.ts'

/** How arrays of features are read. */
export interface FeatureSettings {
  /** What features are divided by. Default: 255 for unsigned bytes, so that they read as 0 to 1; else 1. */
  readonly divisor?: number
  /** Whether features that aren't finite are refused, as missing values often are NaN, or kept. Default `refuse`. */
  readonly nonFinite?: 'refuse' | 'keep'
}

/** The divisor of these features: booleans are held as bytes, but stay 0 and 1. */
export function divisorOf(kind: NdArray['kind'], { divisor = kind === 'u1' ? 255 : 1 }: FeatureSettings): number {
  return divisor
}

/**
 * Examples of an array of features, whose first dimension counts the examples, and an array of labels.
 *
 * @param names Those of both for messages, or that of the labels alone.
 * @throws DATA_LABELS when there isn't one label an example; DATA_VALUE for the first value that isn't finite; DATA_DIVISOR.
 */
export function labelledExamples(
  features: NdArray,
  labels: NdArray,
  names: string | { readonly features: string; readonly labels: string },
  settings: FeatureSettings = {},
): Examples {
  const [count = 0, ...shape] = features.shape
  const { features: source, labels: labelsFile } =
    typeof names === 'string' ? { features: 'the features', labels: names } : names
  checkLabels(labels, count, labelsFile)
  const size = sizeOf(shape)
  if (isFloat(features.kind) && settings.nonFinite !== 'keep') {
    for (let index = 0; index < count; index++)
      checkFinite(features.values.subarray(index * size, (index + 1) * size), { source, index, shape })
  }
  const divisor = divisorOf(features.kind, settings)
  return inMemoryExamples({ features: features.values, labels: labels.values, shape, divisor })
}

/** Whether values of this kind may be NaN, or infinite, or too large for float32. */
export function isFloat(kind: NdArray['kind']): boolean {
  return kind.startsWith('f')
}

/** Labels may have a second dimension of length 1, as Keras' CIFAR has. */
export function checkLabels({ shape, values }: NdArray, expected: number, file: string): void {
  const flat = shape.length === 1 || (shape.length === 2 && shape[1] === 1)
  if (!flat || values.length !== expected) {
    const isOneHot = shape.length === 2 && shape[0] === expected
    const advice = isOneHot
      ? 'labels of classes are their numbers: of one-hot labels, save numpy.argmax(labels, axis=1)'
      : 'give the features and labels of the same set'
    throw dataError('DATA_LABELS', { file, expected: counted(expected, 'label'), came: shape.join(', '), advice })
  }
  const index = values.findIndex((value) => !Number.isFinite(value))
  if (index >= 0) throw valueError({ source: file, index, what: 'the label', value: values[index] })
}
