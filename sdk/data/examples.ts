import { dataError } from './errors.ts'

/** Labelled examples that are read one at a time, so that a set can stay in bytes, or on disk, until the batch. */
export interface Examples {
  readonly count: number
  /** Shape of one example's features, such as [28, 28, 1]. */
  readonly shape: readonly number[]
  /** Writes the features of example `index` into `out` from `offset` on. */
  read(index: number, out: Float32Array, offset: number): void
  /** A class from 0, or a target value. */
  label(index: number): number
  /** Where features are bytes, the bytes themselves: whoever reads many divides them faster, to the same values. */
  readonly bytes?: ByteFeatures | undefined
  /** By name, what else is known of each example, such as its group, its weight or its number in a register. */
  readonly columns?: Readonly<Record<string, Column>> | undefined
}

/** The value of a column for example `index`. */
export type Column = (index: number) => number

export interface ByteFeatures {
  /** What each byte is divided by. */
  readonly divisor: number
  copy(index: number, out: Uint8Array, offset: number): void
}

/** What a job trains on: each client's own examples, and held-out ones to evaluate on. */
export interface FederatedData {
  readonly clients: number
  client(index: number): Examples
  /**
   * Fraction, from 0 and below 1, of each client's examples that its trainings leave out and its own evaluations take: drawn
   * from the stream (seed, 'held-out', client). Default 0.
   */
  readonly heldOut?: number
  readonly test: Examples
}

/** @throws DATA_INDEX unless the index is one of `count` examples'. */
export function checkIndex(index: number, count: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < count)) throw dataError('DATA_INDEX', { index, count })
}

/** Where a value was found, for messages. */
export interface ValuePlace {
  readonly source: string
  /** The example's number. */
  readonly index: number
  /** Shape of one example's features. */
  readonly shape: readonly number[]
}

/** @throws DATA_VALUE for the first feature of an example that isn't finite as float32. */
export function checkFinite(features: ArrayLike<number>, { source, index, shape }: ValuePlace): void {
  for (let feature = 0; feature < features.length; feature++) {
    const value = features[feature] ?? 0
    if (!Number.isFinite(Math.fround(value)))
      throw valueError({ source, index, what: `feature [${placeIn(shape, feature)}]`, value })
  }
}

export function valueError({
  what,
  ...place
}: {
  readonly source: string
  readonly index: number
  readonly what: string
  readonly value: number | undefined
}) {
  const advice =
    what === 'the label'
      ? 'leave that example out, or correct it'
      : "leave that example out or correct it, or let such values pass with nonFinite: 'keep'"
  return dataError('DATA_VALUE', { ...place, what, advice })
}

/** The index in each dimension of a value that is counted row-major. */
function placeIn(shape: readonly number[], at: number): number[] {
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
