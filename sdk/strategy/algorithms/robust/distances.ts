/** ‖a − b‖² over the whole arrays, in float64. */
export function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) {
    const apart = a[i]! - b[i]!
    sum += apart * apart
  }
  return sum
}

/** ‖a‖² over the whole array, in float64. */
export function squaredNorm(a: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * a[i]!
  return sum
}

/** ‖Δ_i − Δ_j‖² for each pair of members. */
export function pairwiseDistances(deltas: readonly Float32Array[]): readonly Float64Array[] {
  const distances = deltas.map(() => new Float64Array(deltas.length))
  for (const [i, one] of deltas.entries())
    for (let j = i + 1; j < deltas.length; j++) distances[i]![j] = distances[j]![i] = squaredDistance(one, deltas[j]!)
  return distances
}

/**
 * Members in ascending order of Krum's score: the sum of the squared distances to the m − f − 2 nearest others, at least
 * one. Equal scores keep the order of the members. `among`: the members that are scored and count as neighbours.
 */
export function byKrumScore(
  distances: readonly Float64Array[],
  f: number,
  among: readonly number[] = distances.map((_, member) => member),
): readonly number[] {
  const neighbours = Math.max(1, among.length - f - 2)
  const scores = new Map(
    among.map((member) => {
      const others = Float64Array.from(
        among.filter((other) => other !== member),
        (other) => distances[member]![other]!,
      ).toSorted()
      return [member, others.subarray(0, neighbours).reduce((sum, distance) => sum + distance, 0)]
    }),
  )
  return among.toSorted((a, b) => scores.get(a)! - scores.get(b)!)
}
