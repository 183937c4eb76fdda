import { sizeOf } from '../../weights/layout.ts'
import { counted } from '../errors.ts'
import { checkFinite, type Examples, valueError } from '../examples.ts'
import { inMemoryExamples } from '../in-memory-examples.ts'
import { formatError } from './errors.ts'
import type { NdArray } from './npy.ts'

/** Settings for reading arrays of features. */
export interface FeatureSettings {
  /** The features are divided by this number. Default: 255 for unsigned bytes, so that they read as 0 to 1; else 1. */
  readonly divisor?: number
  /** Whether to refuse or keep features that aren't finite: missing values are often NaN. Default `refuse`. */
  readonly nonFinite?: 'refuse' | 'keep'
  /**
   * Whether the array of labels holds targets of several numbers: its first dimension counts the examples, the others
   * are the shape of a target. Default false.
   */
  readonly targets?: boolean
}

/** The divisor of features of this kind. Booleans are held as bytes, but stay 0 and 1. */
export function divisorOf(kind: NdArray['kind'], { divisor = kind === 'u1' ? 255 : 1 }: FeatureSettings): number {
  return divisor
}

/**
 * Makes examples from an array of features, whose first dimension counts the examples, and an array of labels.
 *
 * @param names Names of both arrays for messages, or only that of the labels.
 * @throws DATA_LABELS unless there is one label for each example; DATA_VALUE for the first value that isn't finite;
 *   DATA_DIVISOR.
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
  if (settings.targets) checkTargets(labels, count, labelsFile)
  else checkLabels(labels, count, labelsFile)
  const size = sizeOf(shape)
  if (isFloat(features.kind) && settings.nonFinite !== 'keep') {
    for (let index = 0; index < count; index++)
      checkFinite(features.values.subarray(index * size, (index + 1) * size), { source, index, shape })
  }
  const divisor = divisorOf(features.kind, settings)
  const answers = settings.targets
    ? { targets: labels.values, targetShape: labels.shape.slice(1) }
    : { labels: labels.values }
  return inMemoryExamples({ features: features.values, ...answers, shape, divisor })
}

/** Whether values of this kind may be NaN, or infinite, or too large for float32. */
export function isFloat(kind: NdArray['kind']): boolean {
  return kind.startsWith('f')
}

/**
 * Checks that there are `expected` labels, all finite. Labels may have a second dimension of length 1, as Keras' CIFAR
 * has. @throws DATA_LABELS, DATA_VALUE
 */
export function checkLabels({ shape, values }: NdArray, expected: number, file: string): void {
  const flat = shape.length === 1 || (shape.length === 2 && shape[1] === 1)
  if (!flat || values.length !== expected) {
    const isOneHot = shape.length === 2 && shape[0] === expected
    const advice = isOneHot
      ? 'labels must be class numbers: in place of one-hot labels, save numpy.argmax(labels, axis=1)'
      : 'give the features and labels of the same set'
    throw formatError('DATA_LABELS', { file, expected: counted(expected, 'label'), came: shape.join(', '), advice })
  }
  checkAllFinite(values, 1, file)
}

/** Checks that there are `expected` targets, all finite. @throws DATA_LABELS, DATA_VALUE */
export function checkTargets({ shape, values }: NdArray, expected: number, file: string): void {
  if (shape[0] !== expected) {
    const advice = 'give the features and targets of the same set'
    throw formatError('DATA_LABELS', { file, expected: counted(expected, 'target'), came: shape.join(', '), advice })
  }
  checkAllFinite(values, values.length / Math.max(1, expected), file)
}

function checkAllFinite(values: NdArray['values'], perExample: number, file: string): void {
  const at = values.findIndex((value) => !Number.isFinite(value))
  const index = Math.floor(at / perExample)
  if (at >= 0) throw valueError({ source: file, index, what: 'the label', value: values[at] })
}
