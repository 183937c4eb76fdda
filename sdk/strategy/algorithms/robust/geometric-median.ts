import type { ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundSettings, weighting } from '../server/index.ts'
import { squaredDistance } from './distances.ts'
import { addTo, combination, deltasOf, eachParts } from './each-parts.ts'

/** Σ p_k ‖z − Δ_k‖ at the start of the last step and after each of its passes: no pass makes it greater. */
interface Objectives {
  objectives: readonly number[]
}

/** Passes until the objective changes by less than this fraction of itself, and most passes. */
const [convergence, mostPasses] = [1e-12, 1000] as const

/**
 * Geometric median, also RFA: the step is a point z with a small Σ p_k ‖z − Δ_k‖, found by the smoothed Weiszfeld
 * iteration from the weighted mean:
 *
 * z ← Σ β_k Δ_k / Σ β_k,  β_k = p_k / max(ν, ‖z − Δ_k‖), T times or until it converges.
 *
 * Norms are over the whole array, in float64.
 *
 * @see Pillutla, Kakade, Harchaoui, Robust Aggregation for Federated Learning, IEEE Transactions on Signal Processing
 *   2022, algorithm 2.
 */
export const geometricMedian = defineAlgorithm({
  name: 'geometric-median',
  summary: 'robust (RFA): w ← w + z, where z nearly minimises Σ p_k ‖z − Δ_k‖',
  source: 'Pillutla, Kakade, Harchaoui, IEEE TSP 2022, algorithm 2',
  settings: {
    iterations: { kind: 'whole', least: 1, default: 3, help: 'T: number of passes' },
    until: {
      kind: 'choice',
      choices: ['counted', 'converged'],
      default: 'counted',
      help: 'counted: T passes; converged: until the objective changes by less than 10⁻¹² of itself',
    },
    nu: { kind: 'number', above: 0, default: 1e-6, help: 'ν: least distance that a weight is divided by' },
    ...roundSettings,
    weighting: { ...weighting('samples'), kwarg: 'weights' },
  },
  make({ iterations, until, nu, weighting, ...values }) {
    const passes = until === 'converged' ? mostPasses : iterations
    const server: ServerPart<Objectives> = {
      init: () => ({ objectives: [] }),
      step(weights, { each }, state) {
        if (each.length === 0) return
        const deltas = deltasOf(each)
        const total = each.reduce((sum, { weight }) => sum + weight, 0)
        const shares = each.map(({ weight }) => weight / total)
        const objectives: number[] = []
        let point = combination(deltas, shares)
        let distances = distancesFrom(point, deltas)
        objectives.push(objective(shares, distances))
        for (let pass = 1; pass <= passes; pass++) {
          const pulls = shares.map((share, member) => share / Math.max(nu, distances[member]!))
          const sum = pulls.reduce((all, pull) => all + pull, 0)
          const factors = pulls.map((pull) => pull / sum)
          point = combination(deltas, factors)
          distances = distancesFrom(point, deltas)
          objectives.push(objective(shares, distances))
          if (until === 'converged' && hasConverged(objectives)) break
        }
        state.objectives = objectives
        addTo(weights, point)
      },
    }
    return { ...eachParts(values, { weighting }), server }
  },
})

function distancesFrom(point: Float64Array, deltas: readonly Float32Array[]): readonly number[] {
  return deltas.map((delta) => Math.sqrt(squaredDistance(point, delta)))
}

function objective(shares: readonly number[], distances: readonly number[]): number {
  return shares.reduce((sum, share, member) => sum + share * distances[member]!, 0)
}

function hasConverged(objectives: readonly number[]): boolean {
  const [before = 0, last = 0] = objectives.slice(-2)
  return Math.abs(before - last) <= convergence * before
}
