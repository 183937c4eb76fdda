import type { EachContribution, ServerPart } from '../algorithm.ts'
import { defineAlgorithm } from '../define-algorithm.ts'
import { plainClient, roundParts, roundSettings } from './server/index.ts'

/**
 * Krum: the step is the one delta that lies nearest to its neighbours, so that up to f faulty ends can't move the
 * weights far.
 *
 * score(i) = Σ of the m − f − 2 smallest ‖Δ_i − Δ_j‖², j ≠ i;  w ← w + Δ of the least score.
 *
 * Norms are over the whole array, in float64. Of equal scores the first end in sorted order wins. The number of samples
 * has no effect. A round needs m ≥ 2f + 3 members.
 *
 * @see Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, NeurIPS 2017.
 */
export const krum = defineAlgorithm({
  name: 'krum',
  summary: 'robust: w ← w + the Δ_i with the least sum of the m − f − 2 smallest ‖Δ_i − Δ_j‖²',
  source: 'Blanchard et al., NeurIPS 2017',
  settings: {
    f: { kind: 'whole', least: 0, help: 'largest number of faulty members; a round needs 2f + 3 members' },
    ...roundSettings,
  },
  make({ f, ...values }) {
    const parts = roundParts({ ...values, minimumUpdates: Math.max(values.minimumUpdates, 2 * f + 3) })
    const server: ServerPart<null> = {
      init: () => null,
      step(weights, { each }) {
        const delta = nearest(each, f)?.vectors.delta
        if (delta) for (let i = 0; i < delta.length; i++) weights[i]! += delta[i]!
      },
    }
    return { ...parts, aggregation: { ...parts.aggregation, needs: 'each' }, server, client: plainClient('equal') }
  },
})

/** The contribution with the least score, of contributions sorted by end. */
function nearest(each: readonly EachContribution[], f: number): EachContribution | undefined {
  const distances = each.map(() => new Float64Array(each.length))
  for (const [i, { vectors: one }] of each.entries())
    for (const [j, { vectors: other }] of each.entries())
      if (j > i) distances[i]![j] = distances[j]![i] = squaredDistance(one.delta, other.delta)
  const neighbours = Math.max(1, each.length - f - 2)
  const scores = distances.map((row, i) => {
    const others = row.filter((_, j) => j !== i).toSorted()
    return others.subarray(0, neighbours).reduce((sum, distance) => sum + distance, 0)
  })
  let best = 0
  for (const [i, score] of scores.entries()) if (score < scores[best]!) best = i
  return each[best]
}

function squaredDistance(one: Float32Array, other: Float32Array): number {
  let sum = 0
  for (let i = 0; i < one.length; i++) {
    const apart = one[i]! - other[i]!
    sum += apart * apart
  }
  return sum
}
