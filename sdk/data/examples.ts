import { dataError } from './errors.ts'

/**
 * Labelled examples, read one at a time, so that a set can stay in bytes, or on disk, until a batch needs the examples.
 */
export interface Examples {
  readonly count: number
  /** Shape of one example's features, such as [28, 28, 1]. */
  readonly shape: readonly number[]
  /** Writes the features of example `index` into `out` from `offset` on. */
  read(index: number, out: Float32Array, offset: number): void
  /** A class from 0, or a target value. */
  label(index: number): number
  /**
   * The examples have no labels of their own: `label` gives the first value of a target, or 0, by which no partition deals
   * examples.
   */
  readonly unlabelled?: boolean | undefined
  /** The outputs that a model should give, where these are more than one number. Absent: the label. */
  readonly targets?: Targets | undefined
  /**
   * The undivided features, where these are bytes: a reader of many examples divides bytes faster, to the same values.
   */
  readonly bytes?: ByteFeatures | undefined
  /** Further values of each example, by name, such as its group, its weight or its number in a register. */
  readonly columns?: Readonly<Record<string, Column>> | undefined
  /** Names the entity of an example, as all parties name it that have features of the same entities. */
  readonly id?: ((index: number) => string) | undefined
}

/** The targets of examples, each of several numbers: classes of steps or pixels, labels that are 0 or 1, or values. */
export interface Targets {
  /** Shape of one example's target, such as [80] for a class at each of 80 steps. */
  readonly shape: readonly number[]
  /** Writes the target of example `index` into `out` from `offset` on, row-major. */
  read(index: number, out: Float32Array, offset: number): void
}

/** The value of a column for example `index`. */
export type Column = (index: number) => number

export interface ByteFeatures {
  /** Divisor of each byte. */
  readonly divisor: number
  copy(index: number, out: Uint8Array, offset: number): void
}

/**
 * A job's data: each client's own examples, and held-out examples for evaluation. A device is asked for its own clients
 * alone, and for the test set only if a task evaluates there: read files within these functions.
 */
export interface FederatedData {
  readonly clients: number
  client(index: number): Examples | Promise<Examples>
  /** Number of a client's examples, known without reading them: a simulated fleet's durations come from it. */
  samples?(client: number): number
  /**
   * The label that dominates a client's examples, where it's cheap to know: a simulated fleet may let a device's behaviour
   * depend on it.
   */
  label?(client: number): number
  /**
   * Fraction, in [0, 1), of each client's examples that its trainings leave out and its own evaluations use, drawn from
   * the stream (seed, 'held-out', client). Default 0.
   */
  readonly heldOut?: number
  readonly test: Examples | (() => Examples | Promise<Examples>)
  /**
   * The root set: a few trusted examples of the server's own, on which algorithms such as FLTrust let the server train.
   * Absent: such algorithms are refused.
   */
  readonly root?: Examples | (() => Examples | Promise<Examples>)
}

/** The examples of the test set. */
export async function testExamplesOf({ test }: Pick<FederatedData, 'test'>): Promise<Examples> {
  return typeof test === 'function' ? test() : test
}

/** The most frequent of some values, of equally frequent ones the least. Undefined without values. */
export function mostFrequent(values: Iterable<number>): number | undefined {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const [[found] = []] = [...counts].toSorted(([a, many], [b, more]) => more - many || a - b)
  return found
}

/** Checks that an index names one of `count` examples. @throws DATA_INDEX */
export function checkIndex(index: number, count: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < count)) throw dataError('DATA_INDEX', { index, count })
}

/** Origin of a value, for messages. */
export interface ValueOrigin {
  readonly source: string
  /** The example's index. */
  readonly index: number
  /** Shape of one example's features. */
  readonly shape: readonly number[]
}

/** Checks that an example's features are finite as float32. @throws DATA_VALUE for the first feature that isn't. */
export function checkFinite(features: ArrayLike<number>, { source, index, shape }: ValueOrigin): void {
  for (let feature = 0; feature < features.length; feature++) {
    const value = features[feature] ?? 0
    if (!Number.isFinite(Math.fround(value)))
      throw valueError({ source, index, what: `feature [${indexIn(shape, feature)}]`, value })
  }
}

/** Makes DATA_VALUE for a label or a feature, with advice. */
export function valueError({
  what,
  ...origin
}: {
  readonly source: string
  readonly index: number
  readonly what: string
  readonly value: number | undefined
}) {
  const advice =
    what === 'the label' || what.startsWith('target')
      ? `leave the example out, or correct ${what}`
      : "leave the example out, correct the value, or accept such values with nonFinite: 'keep'"
  return dataError('DATA_VALUE', { ...origin, what, advice })
}

/** Turns a row-major index into an index for each dimension. */
export function indexIn(shape: readonly number[], at: number): number[] {
  let left = at
  return shape
    .toReversed()
    .map((length) => {
      const index = left % length
      left = Math.floor(left / length)
      return index
    })
    .toReversed()
}
