import { knownNames } from '../../runtime/index.ts'
import { cosineOfHalfTurn, power } from '../random/elementary.ts'
import { learnError } from './errors.ts'

/** The kinds of schedules. docs/models.md has their formulas. */
export type ScheduleKind = 'constant' | 'step' | 'exponential' | 'cosine' | 'polynomial'

/** Factors of the learning rate, by rounds or by steps. */
export interface Schedule {
  readonly kind: ScheduleKind
  /** The unit of t, from 0: rounds, or the steps of one training. Default `round`. */
  readonly by?: 'round' | 'step'
  /** T: the number of rounds or steps until the least rate. By steps the default is those of the training. */
  readonly over?: number
  /** Of `step`: rounds or steps between two decays. Default 1. */
  readonly every?: number
  /** Of `step` and `exponential`: the factor of a decay, above 0 and up to 1. Default 0.5, and 0.95. */
  readonly decay?: number
  /** Of `cosine` and `polynomial`: the least factor, from 0 and up to 1. Default 0. */
  readonly least?: number
  /** Of `polynomial`: the exponent, above 0. Default 1. */
  readonly power?: number
  /** Rounds or steps in which the rate grows to its whole: t from 0 has the factor (t + 1)/warmup. Default 0. */
  readonly warmup?: number
}

type Rule = readonly [fits: (value: unknown) => boolean, expected: string]

const count = (least: number): Rule => [
  (value) => Number.isInteger(value) && Number(value) >= least,
  `a whole number from ${least}`,
]
const rules = {
  by: [(value) => value === 'round' || value === 'step', 'round or step'],
  over: count(1),
  every: count(1),
  decay: [(value) => typeof value === 'number' && value > 0 && value <= 1, 'a number above 0 and up to 1'],
  least: [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 and up to 1'],
  power: [(value) => typeof value === 'number' && value > 0 && value < 100, 'a number above 0 and below 100'],
  warmup: count(0),
} as const satisfies Record<string, Rule>

type ScheduleSetting = keyof typeof rules

/** The kinds with their settings, of which the first may stand without its name in a text. */
export const scheduleSettings: Readonly<Record<ScheduleKind, readonly ScheduleSetting[]>> = {
  constant: ['by', 'warmup'],
  step: ['every', 'decay', 'by', 'warmup'],
  exponential: ['decay', 'by', 'warmup'],
  cosine: ['over', 'least', 'by', 'warmup'],
  polynomial: ['over', 'least', 'power', 'by', 'warmup'],
}

/**
 * Reads a schedule: as it is, or as a text, such as `cosine:30:least=0.01:warmup=3`, where the first value may stand without
 * its name. Undefined where the rate stays as it is.
 *
 * @throws LEARN_SETTING for an unknown kind, an unknown setting, or a value out of range.
 */
export function scheduleOf(given: Schedule | string | undefined): Schedule | undefined {
  if (given === undefined) return undefined
  const { kind: named, ...settings } = typeof given === 'string' ? parsed(given) : given
  const kind = Object.keys(scheduleSettings).find((each): each is ScheduleKind => each === named)
  const refuse = (name: string, expected: string, value: unknown) =>
    learnError('LEARN_SETTING', { name: name === '' ? 'schedule' : `schedule.${name}`, expected, value })
  if (kind === undefined) throw refuse('', `one of ${knownNames(String(named), Object.keys(scheduleSettings))}`, named)
  const known = scheduleSettings[kind]
  for (const [name, value] of Object.entries(settings)) {
    const own = known.find((each) => each === name)
    if (own === undefined) throw refuse(name, `absent: ${kind} has the settings ${knownNames(name, known)}`, value)
    const [fits, expected] = rules[own]
    if (value !== undefined && !fits(value)) throw refuse(name, expected, value)
  }
  const schedule: Schedule = { ...settings, kind }
  const { by = 'round', over, warmup = 0 } = schedule
  if (by === 'round' && over === undefined && known.includes('over'))
    throw refuse('over', 'a whole number from 1: the rounds until the least rate', over)
  if (over !== undefined && warmup >= over) throw refuse('warmup', `below ${over}`, warmup)
  return kind === 'constant' && warmup === 0 ? undefined : schedule
}

function parsed(text: string): { readonly kind: string } & Readonly<Record<string, unknown>> {
  const [kind = '', ...parts] = text.split(':').map((part) => part.trim())
  const [first = 'by'] = Object.entries(scheduleSettings).find(([name]) => name === kind)?.[1] ?? []
  const settings = parts.map((part, index) => {
    const [name = '', value] = part.split('=')
    const [setting, written] = value === undefined ? [index === 0 ? first : part, name] : [name, value]
    return [setting, /^[-+.\de]+$/i.test(written) && written !== '' ? Number(written) : written] as const
  })
  return { kind, ...Object.fromEntries(settings) }
}

/**
 * The factor of the learning rate at t, from 0, of `total` rounds or steps. The same bits everywhere.
 *
 * @see Loshchilov and Hutter, SGDR, ICLR 2017, for the cosine; Goyal et al. 2017, arXiv 1706.02677, for the warm-up.
 */
export function scheduleFactor(schedule: Schedule, t: number, total: number): number {
  const { kind, over = total, every = 1, decay = kind === 'step' ? 0.5 : 0.95, least = 0, warmup = 0 } = schedule
  if (t < warmup) return (t + 1) / warmup
  const after = t - warmup
  const share = Math.min(1, after / Math.max(1, over - warmup))
  switch (kind) {
    case 'constant':
      return 1
    case 'step':
      return power(decay, Math.floor(after / every))
    case 'exponential':
      return power(decay, after)
    case 'cosine':
      return least + (1 - least) * 0.5 * (1 + cosineOfHalfTurn(share))
    case 'polynomial':
      return share === 1 ? least : least + (1 - least) * power(1 - share, schedule.power ?? 1)
  }
}
