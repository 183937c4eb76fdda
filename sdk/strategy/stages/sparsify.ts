import type { RandomStream } from '../../random/random-stream.ts'

/** Number of values that are kept: k itself, or a fraction, rounded up. */
export function countOf({ k, fraction }: { readonly k?: number | undefined; readonly fraction: number }, size: number) {
  // A product that should be whole may come out a little above.
  return Math.min(size, k ?? Math.ceil(fraction * size - 1e-9))
}

/** Keeps the k values of the largest magnitudes, and zeros elsewhere. Of equal magnitudes the lower index is kept. */
export function largest(values: Float32Array, k: number): Float32Array {
  const kept = new Float32Array(values.length)
  const least = magnitudeOfRank(values, k)
  let left = k
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]!) <= least) continue
    kept[i] = values[i]!
    left -= 1
  }
  for (let i = 0; i < values.length && left > 0; i++) {
    if (Math.abs(values[i]!) !== least) continue
    kept[i] = values[i]!
    left -= 1
  }
  return kept
}

/** The k-th largest magnitude. */
function magnitudeOfRank(values: Float32Array, k: number): number {
  const magnitudes = values.map(Math.abs).toSorted()
  return magnitudes[values.length - k] ?? 0
}

/** Keeps k values at random positions, each multiplied by `factor`, and zeros elsewhere. */
export function randomPositions(values: Float32Array, k: number, factor: number, random: RandomStream): Float32Array {
  const kept = new Float32Array(values.length)
  let [left, wanted] = [values.length, k]
  // Selection sampling (Knuth, algorithm S): each set of k positions is equally likely, in one pass.
  for (let i = 0; i < values.length && wanted > 0; i++, left--) {
    if (random.below(left) >= wanted) continue
    kept[i] = values[i]! * factor
    wanted -= 1
  }
  return kept
}
