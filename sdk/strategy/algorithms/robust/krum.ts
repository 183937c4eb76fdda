import type { EachContribution, ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundSettings } from '../server/index.ts'
import { byKrumScore, pairwiseDistances } from './distances.ts'
import { addTo, deltasOf, eachParts, equalMean } from './each-parts.ts'

/** The ends whose deltas made the last step, sorted. */
export interface Chosen {
  chosen: readonly string[]
}

const f = {
  kind: 'whole',
  least: 0,
  help: 'largest number of faulty members; a round needs 2f + 3 members',
} as const

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
  settings: { f, ...roundSettings },
  make: ({ f, ...values }) => ({
    ...eachParts(values, { leastMembers: 2 * f + 3 }),
    server: choosing((each) => byKrumScore(pairwiseDistances(deltasOf(each)), f).slice(0, 1)),
  }),
})

/**
 * Multi-Krum: the step is the mean, with equal weights, of the q deltas of the least Krum scores. q = m with f = 0 is the
 * equal mean.
 *
 * @see Blanchard et al., NeurIPS 2017, section 4.
 */
export const multiKrum = defineAlgorithm({
  name: 'multi-krum',
  summary: 'robust: w ← w + the equal mean of the q deltas of the least Krum scores',
  source: 'Blanchard et al., NeurIPS 2017, section 4',
  settings: {
    f,
    q: {
      kind: 'whole',
      least: 1,
      optional: true,
      help: 'number of deltas in the mean; none: m − f; a round needs q + f members',
    },
    ...roundSettings,
  },
  make: ({ f, q, ...values }) => ({
    ...eachParts(values, { leastMembers: Math.max(2 * f + 3, (q ?? 0) + f) }),
    server: choosing((each) => byKrumScore(pairwiseDistances(deltasOf(each)), f).slice(0, q ?? each.length - f)),
  }),
})

/** A step by the equal mean of the members that a rule chooses by their indices. */
function choosing(choose: (each: readonly EachContribution[]) => readonly number[]): ServerPart<Chosen> {
  return {
    init: () => ({ chosen: [] }),
    step(weights, { each }, state) {
      const members = choose(each).toSorted((a, b) => a - b)
      const chosen = members.flatMap((member) => each[member] ?? [])
      state.chosen = chosen.map(({ end }) => end)
      const [only] = chosen
      if (only) addTo(weights, chosen.length === 1 ? only.vectors.delta : equalMean(deltasOf(chosen)))
    },
  }
}
