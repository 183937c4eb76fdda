import type { ServerPart } from '../../algorithm.ts'
import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundSettings } from '../server/index.ts'
import { squaredDistance } from './distances.ts'
import { addTo, deltasOf, eachParts } from './each-parts.ts'

/** v: the last round's step, from which the deltas of the next round are clipped. */
interface Centre {
  readonly centre: Float32Array
}

/**
 * Centred clipping: deltas count only as far as ρ from the last round's step v, which starts at 0:
 *
 * v ← v + mean of (Δ_k − v)·min(1, ρ/‖Δ_k − v‖), L times;  w ← w + v.
 *
 * Norms are over the whole array, in float64. Members have equal weights.
 *
 * @see Karimireddy, He, Jaggi, Learning from History for Byzantine Robust Optimization, ICML 2021, equation CC.
 */
export const centredClipping = defineAlgorithm({
  name: 'centred-clipping',
  summary: 'robust: v ← v + mean of (Δ_k − v)·min(1, ρ/‖Δ_k − v‖) from the last round’s v; w ← w + v',
  source: 'Karimireddy, He, Jaggi, ICML 2021',
  settings: {
    rho: { kind: 'number', above: 0, help: 'ρ: distance from v up to which a delta counts whole' },
    iterations: { kind: 'whole', least: 1, default: 1, help: 'L: number of passes in a round' },
    ...roundSettings,
  },
  make({ rho, iterations, ...values }) {
    const server: ServerPart<Centre> = {
      init: ({ size }) => ({ centre: new Float32Array(size) }),
      step(weights, { each }, { centre }) {
        const deltas = deltasOf(each)
        for (let pass = 0; pass < iterations && deltas.length > 0; pass++) {
          const factors = deltas.map((delta) => {
            const distance = Math.sqrt(squaredDistance(delta, centre))
            return (distance > rho ? rho / distance : 1) / deltas.length
          })
          const kept = 1 - factors.reduce((sum, factor) => sum + factor, 0)
          for (let i = 0; i < centre.length; i++) {
            let moved = kept * centre[i]!
            for (let member = 0; member < deltas.length; member++) moved += factors[member]! * deltas[member]![i]!
            centre[i] = moved
          }
        }
        addTo(weights, centre)
      },
    }
    return { ...eachParts(values), server }
  },
})
