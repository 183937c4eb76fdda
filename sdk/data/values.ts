import { dataError } from './errors.ts'

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
