import { normal } from '../../random/distributions.ts'
import { type RandomStream, randomStream } from '../../random/random-stream.ts'
import type { EachContribution } from '../algorithm.ts'
import type { Described } from '../define-algorithm.ts'
import { upperTail } from '../privacy/normal-distribution.ts'
import { type SettingsTable, type SettingValues, settingValues } from '../settings.ts'

/** Makes the deltas that the attackers send in place of their own. */
export type Attack = (
  attackers: readonly EachContribution[],
  honest: readonly EachContribution[],
  random: RandomStream,
) => readonly Float32Array[]

export interface AttackDefinition extends Described {
  /**
   * Makes the attack, and the fraction of attackers, from settings of unknown origin. `flipped labels`: attackers train on
   * other labels.
   */
  from(given: Readonly<Record<string, unknown>>): {
    readonly attack: Attack | 'flipped labels'
    readonly fraction: number
  }
}

const fractionOf = (whom: string) =>
  ({
    kind: 'number',
    least: 0,
    below: 1,
    help: `fraction of ${whom} that attack, rounded down to a whole number`,
  }) as const

function defineAttack<const Table extends SettingsTable>({
  make,
  settings,
  among = 'the members of a round',
  ...described
}: Described<Table> & {
  /** Whose fraction attacks. */
  readonly among?: string
  make(values: SettingValues<Table>): Attack | 'flipped labels'
}): AttackDefinition {
  const fraction = fractionOf(among)
  const table = { fraction, ...settings }
  return {
    ...described,
    settings: table,
    from(given) {
      const { fraction: share } = settingValues(described.name, { fraction }, { fraction: given.fraction })
      const { fraction: _, ...others } = given
      return { attack: make(settingValues(described.name, settings, others)), fraction: share }
    },
  }
}

/**
 * The ends that attack: ⌊fraction·m⌋ of m, by a hash of their ends, so that an end which attacks in one round mostly
 * attacks in the others.
 */
export function attackersOf(ends: readonly string[], share: number): ReadonlySet<string> {
  const rank = new Map(ends.map((end) => [end, randomStream(0, 'attacker', end).uint32()] as const))
  const ordered = ends.toSorted((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0) || (a < b ? -1 : 1))
  return new Set(ordered.slice(0, Math.floor(share * ends.length + 1e-9)))
}

/** All attacks, as a test bench for robust rules. */
export const attackDefinitions: readonly AttackDefinition[] = [
  defineAttack({
    name: 'label-flip',
    summary: 'attackers train on the label L − 1 − l in place of l, of L classes',
    source: 'Fang, Cao, Jia, Gong, Local Model Poisoning Attacks, USENIX Security 2020, section 7',
    among: 'all clients',
    settings: {},
    make: () => 'flipped labels',
  }),
  defineAttack({
    name: 'sign-flip',
    summary: 'attackers send −λΔ in place of their Δ',
    settings: { scale: { kind: 'number', above: 0, default: 1, help: 'λ' } },
    make: ({ scale }) => scaled(-scale),
  }),
  defineAttack({
    name: 'scaled',
    summary: 'attackers send λΔ in place of their Δ',
    source: 'Bagdasaryan et al., How to Backdoor Federated Learning, AISTATS 2020',
    settings: { scale: { kind: 'number', above: 0, default: 10, help: 'λ' } },
    make: ({ scale }) => scaled(scale),
  }),
  defineAttack({
    name: 'gaussian',
    summary: 'attackers send normal draws',
    source: 'Blanchard et al., NeurIPS 2017, section 6',
    settings: { deviation: { kind: 'number', above: 0, default: 1, help: 'σ: standard deviation of the draws' } },
    make:
      ({ deviation }) =>
      (attackers, _, random) =>
        attackers.map(({ vectors }) => vectors.delta.map(() => deviation * normal(random))),
  }),
  defineAttack({
    name: 'inner-product',
    summary: 'attackers send −ε times the mean of the honest deltas',
    source: 'Xie, Koyejo, Gupta, Fall of Empires, UAI 2019',
    settings: { epsilon: { kind: 'number', above: 0, default: 0.5, help: 'ε' } },
    make:
      ({ epsilon }) =>
      (attackers, honest) => {
        const { mean } = momentsOf(honest.length > 0 ? honest : attackers)
        const sent = Float32Array.from(mean, (value) => -epsilon * value)
        return attackers.map(() => sent)
      },
  }),
  defineAttack({
    name: 'alie',
    summary:
      'attackers send μ − zσ of the honest deltas, coordinate by coordinate: just within what rules take for honest',
    source: 'Baruch, Baruch, Goldberg, A Little Is Enough, NeurIPS 2019, algorithm 3',
    settings: {
      z: {
        kind: 'number',
        least: 0,
        optional: true,
        help: 'z: standard deviations from the mean; none: the greatest that a majority supports',
      },
    },
    make:
      ({ z }) =>
      (attackers, honest) => {
        const { mean, deviation } = momentsOf(honest.length > 0 ? honest : attackers)
        const far = z ?? supported(attackers.length + honest.length, attackers.length)
        const sent = Float32Array.from(mean, (value, i) => value - far * deviation[i]!)
        return attackers.map(() => sent)
      },
  }),
]

function scaled(factor: number): Attack {
  return (attackers) => attackers.map(({ vectors }) => vectors.delta.map((value) => factor * value))
}

/** Mean and standard deviation of each coordinate, in float64, with equal weights. */
function momentsOf(each: readonly EachContribution[]) {
  const size = each[0]?.vectors.delta.length ?? 0
  const mean = new Float64Array(size)
  const squares = new Float64Array(size)
  for (const { vectors } of each)
    for (const [i, value] of vectors.delta.entries()) {
      mean[i]! += value / each.length
      squares[i]! += (value * value) / each.length
    }
  return { mean, deviation: squares.map((square, i) => Math.sqrt(Math.max(0, square - mean[i]! * mean[i]!))) }
}

/** The z of which Φ(z) = (m − f − s)/(m − f), with s = ⌊m/2⌋ + 1 − f honest supporters; 0 where there is none. */
function supported(members: number, attackers: number): number {
  const supporters = Math.floor(members / 2) + 1 - attackers
  const share = (members - attackers - supporters) / (members - attackers)
  if (!(share > 0.5 && share < 1)) return 0
  let [low, high] = [0, 10]
  for (let pass = 0; pass < 60; pass++) {
    const middle = (low + high) / 2
    if (1 - upperTail(middle) < share) low = middle
    else high = middle
  }
  return low
}
