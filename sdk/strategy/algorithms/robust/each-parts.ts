import type { Aggregation, Algorithm, EachContribution, ServerPart } from '../../algorithm.ts'
import { plainClient, type RoundSettings, roundParts } from '../server/index.ts'

/**
 * The parts of a synchronous algorithm whose server sees each contribution. `leastMembers`: fewest members of a round, a
 * condition of the rule.
 */
export function eachParts(
  values: RoundSettings,
  { leastMembers = 1, weighting = 'equal' }: { leastMembers?: number; weighting?: 'samples' | 'equal' } = {},
) {
  const parts = roundParts({ ...values, minimumUpdates: Math.max(values.minimumUpdates, leastMembers) })
  const aggregation: Aggregation = { ...parts.aggregation, needs: 'each' }
  return { ...parts, aggregation, client: plainClient(weighting) } satisfies Partial<Algorithm>
}

/** The deltas of contributions, in the order of their sorted ends. */
export function deltasOf(each: readonly EachContribution[]): readonly Float32Array[] {
  return each.map(({ vectors }) => vectors.delta)
}

/** Adds to the weights the delta that a rule without state makes of the members' deltas. */
export function adding(rule: (deltas: readonly Float32Array[]) => Float32Array | Float64Array): ServerPart<null> {
  return {
    init: () => null,
    step(weights, { each }) {
      if (each.length > 0) addTo(weights, rule(deltasOf(each)))
    },
  }
}

export function addTo(weights: Float32Array, delta: Float32Array | Float64Array, rate = 1): void {
  for (let i = 0; i < delta.length; i++) weights[i]! += rate * delta[i]!
}

/** Σ factor·delta over the members, in float64, in the order of the members. */
export function combination(deltas: readonly Float32Array[], factors: readonly number[]): Float64Array {
  const sum = new Float64Array(deltas[0]?.length ?? 0)
  for (const [member, delta] of deltas.entries()) {
    const factor = factors[member]!
    if (factor !== 0) for (let i = 0; i < sum.length; i++) sum[i]! += factor * delta[i]!
  }
  return sum
}

/** The mean of deltas with equal weights, in float64. */
export function equalMean(deltas: readonly Float32Array[]): Float64Array {
  const ones = deltas.map(() => 1)
  return combination(deltas, ones).map((sum) => sum / deltas.length)
}
