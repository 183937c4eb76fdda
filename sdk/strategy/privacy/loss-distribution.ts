import { exp, log } from '../../random/elementary.ts'
import { convolution } from './convolution.ts'
import { normalMass, upperTail } from './normal-distribution.ts'
import type { Composed, Mechanism } from './renyi.ts'

/** Probabilities of privacy losses (lowest + i)·step, and of an infinite loss. */
interface LossDistribution {
  readonly step: number
  readonly lowest: number
  readonly masses: Float64Array
  readonly infinite: number
}

/** Step of the grid of losses. Larger where the grid would have more points than `mostPoints`. */
const firstStep = 1e-3
const mostPoints = 2 ** 18
/** Mass that a tail may have to be cut off: an upper tail then counts as an infinite loss. */
const cutMass = 1e-15
/** Standard deviations beyond which a normal draw has less than the cut mass. */
const reach = 8.5

/**
 * ε at δ of composed mechanisms, from the distribution of their privacy loss: tighter than by Rényi divergences, and an
 * upper bound, for adding and for removing one end.
 *
 * The loss of one round is moved to the points of a grid, each part to its two neighbours, so that at no ε the
 * distribution on the grid has a smaller δ; rounds are convolutions.
 *
 * @see Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, Connect the Dots: Tighter Discrete Approximations of Privacy Loss
 *   Distributions, PoPETs 2022.
 */
export function lossEpsilon(all: readonly Composed[], delta: number): number {
  const noted = all.filter(({ rounds, samplingProbability }) => rounds > 0 && samplingProbability > 0)
  if (noted.length === 0) return 0
  if (noted.some(({ noiseMultiplier }) => noiseMultiplier === 0)) return Number.POSITIVE_INFINITY
  if (noted.every(({ samplingProbability }) => samplingProbability === 1)) return gaussianEpsilon(noted, delta)
  for (let step = firstStep; ; step *= 4) {
    const removed = composed(noted, 'remove', step)
    const added = removed && composed(noted, 'add', step)
    if (removed && added) return Math.max(epsilonAt(removed, delta), epsilonAt(added, delta))
  }
}

/**
 * The ε of Gaussian mechanisms without sampling, which compose to one: exact.
 *
 * @see Balle, Wang, Improving the Gaussian Mechanism for Differential Privacy, ICML 2018, theorem 8.
 */
function gaussianEpsilon(all: readonly Composed[], delta: number): number {
  const mean = Math.sqrt(all.reduce((sum, { rounds, noiseMultiplier: z }) => sum + rounds / (z * z), 0))
  const deltaOf = (epsilon: number) =>
    upperTail(epsilon / mean - mean / 2) - exp(epsilon) * upperTail(epsilon / mean + mean / 2)
  if (deltaOf(0) <= delta) return 0
  let [low, high] = [0, 1]
  // e^ε overflows beyond; the noise then protects nobody.
  while (high < 700 && deltaOf(high) > delta) [low, high] = [high, 2 * high]
  if (high >= 700) return (mean * mean) / 2 + mean * Math.sqrt(-2 * log(delta))
  for (let pass = 0; pass < 60; pass++) {
    const middle = (low + high) / 2
    if (deltaOf(middle) > delta) low = middle
    else high = middle
  }
  return high
}

type Change = 'add' | 'remove'

/** Undefined where the grid would have too many points. */
function composed(all: readonly Composed[], change: Change, step: number): LossDistribution | undefined {
  let result: LossDistribution | undefined
  for (const { rounds, ...mechanism } of all) {
    let power = oneRound(mechanism, change, step)
    for (let left = rounds; power; left = Math.floor(left / 2)) {
      if (left % 2 === 1) result = result ? joined(result, power) : power
      if (result && result.masses.length > mostPoints) return undefined
      if (left <= 1) break
      power = power.masses.length > mostPoints ? undefined : joined(power, power)
    }
    if (!power) return undefined
  }
  return result
}

/** The loss of one round. Undefined where the grid would have too many points. */
function oneRound(
  { noiseMultiplier: z, samplingProbability: q }: Mechanism,
  change: Change,
  step: number,
): LossDistribution | undefined {
  const sign = change === 'remove' ? 1 : -1
  /** The loss of an output x if one end is removed; if one is added, its negative. */
  const lossOf = (x: number) => log(1 - q + q * exp((2 * x - 1) / (2 * z * z)))
  /** The output of this loss; −∞ where every output has a greater one. */
  const outputOf = (loss: number) => {
    const ratio = (exp(loss) - (1 - q)) / q
    return ratio <= 0 ? Number.NEGATIVE_INFINITY : z * z * log(ratio) + 0.5
  }
  const [least, most] = [-reach * z, 1 + reach * z]
  const within = (x: number) => Math.min(most, Math.max(least, x))
  const [lossBelow, lossAbove] = change === 'remove' ? [lossOf(least), lossOf(most)] : [-lossOf(most), -lossOf(least)]
  const [lowest, highest] = [Math.floor(lossBelow / step), Math.ceil(lossAbove / step)]
  if (highest - lowest > mostPoints) return undefined
  const without = (a: number, b: number) => normalMass(a / z, b / z)
  const withOne = (a: number, b: number) => (1 - q) * without(a, b) + q * normalMass((a - 1) / z, (b - 1) / z)
  const [upper, lower] = change === 'remove' ? [withOne, without] : [without, withOne]
  const masses = new Float64Array(highest - lowest + 1)
  const growth = exp(step) - 1
  let covered = 0
  for (let i = 0; i + 1 < masses.length; i++) {
    const loss = (lowest + i) * step
    const ends = [within(outputOf(sign * loss)), within(outputOf(sign * (loss + step)))].toSorted((a, b) => a - b)
    const [a = 0, b = 0] = ends
    const [p, q] = [upper(a, b), lower(a, b)]
    covered += p
    // The two points get the cell's masses of both distributions: e^loss·(share of this point + e^step·share of the next).
    const next = Math.min(q, Math.max(0, (p * exp(-loss) - q) / growth))
    const toNext = Math.min(p, exp(loss + step) * next)
    masses[i + 1]! += toNext
    masses[i]! += p - toNext
  }
  // The outputs beyond either end.
  return { step, lowest, masses, infinite: Math.max(0, 1 - covered) }
}

/** The distribution of the sum of two independent losses. */
function joined(a: LossDistribution, b: LossDistribution): LossDistribution {
  const masses = convolution(a.masses, b.masses).map((mass) => Math.max(0, mass))
  let [first, last] = [0, masses.length - 1]
  let [below, above] = [0, 0]
  while (first < last && below + masses[first]! <= cutMass) below += masses[first++]!
  while (last > first && above + masses[last]! <= cutMass) above += masses[last--]!
  const kept = masses.slice(first, last + 1)
  kept[0]! += below
  const infinite = a.infinite + b.infinite - a.infinite * b.infinite + above
  return { step: a.step, lowest: a.lowest + b.lowest + first, masses: kept, infinite }
}

/** The least ε at which δ(ε) = P(∞) + Σ of (1 − e^(ε − loss))·P(loss) over greater losses is at most δ. */
function epsilonAt({ step, lowest, masses, infinite }: LossDistribution, delta: number): number {
  if (infinite > delta) return Number.POSITIVE_INFINITY
  let [upper, lower] = [infinite, 0]
  for (let i = masses.length - 1; i >= 0; i--) {
    const loss = (lowest + i) * step
    if (loss < 0) break
    // Between this point and the next one δ(ε) = upper − e^ε·lower.
    if (upper > delta && log((upper - delta) / lower) > loss) return log((upper - delta) / lower)
    upper += masses[i]!
    lower += masses[i]! * exp(-loss)
  }
  return upper - lower <= delta ? 0 : Math.max(0, log((upper - delta) / lower))
}
