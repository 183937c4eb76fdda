import { exp, log } from '../../random/elementary.ts'
import { lossEpsilon } from './loss-distribution.ts'
import { type Composed, type Mechanism, renyiEpsilon } from './renyi.ts'

/** The mechanisms of the rounds so far, and in how many rounds each was used. Part of the server's state. */
export type Ledger = readonly Composed[]

/** How ε is computed: `loss-distribution` is tighter, `renyi` cheaper. Both are upper bounds. */
export const accountants = ['loss-distribution', 'renyi'] as const

/** The ledger after one more round. */
export function withRound(ledger: Ledger, mechanism: Mechanism): Ledger {
  const isSame = (each: Mechanism) =>
    each.noiseMultiplier === mechanism.noiseMultiplier && each.samplingProbability === mechanism.samplingProbability
  if (!ledger.some(isSame)) return [...ledger, { ...mechanism, rounds: 1 }]
  return ledger.map((each) => (isSame(each) ? { ...each, rounds: each.rounds + 1 } : each))
}

/** ε of the rounds in a ledger at δ, for neighbours that differ by one end. */
export function epsilonOf(ledger: Ledger, delta: number, accountant: (typeof accountants)[number]): number {
  if (ledger.length === 0) return 0
  return accountant === 'renyi' ? renyiEpsilon(ledger, delta) : lossEpsilon(ledger, delta)
}

/** 1/N^1.1: less than the chance to betray one end of N at random. */
export function usualDelta(population: number): number {
  return exp(-1.1 * log(Math.max(2, population)))
}
