import type { Algorithm } from './algorithm.ts'
import type { Described } from './define-algorithm.ts'
import { strategyError } from './errors.ts'
import type { SettingsTable } from './settings.ts'

/** A name of the original's interface that only the original's flamelets run. Its settings are checked all the same. */
export interface Elsewhere extends Described {
  readonly elsewhere: true
  /** @throws STRATEGY_ELSEWHERE */
  apply(algorithm: Algorithm, given: Readonly<Record<string, unknown>>): Algorithm
}

const positive = (help: string) => ({ kind: 'number', above: 0, optional: true, help }) as const
const notNegative = (help: string) => ({ kind: 'number', least: 0, optional: true, help }) as const
const count = (help: string) => ({ kind: 'whole', least: 1, optional: true, help }) as const

/** Samplers of data of the original that no role of this system runs. */
export const datasamplersElsewhere = [
  elsewhere('fedbalancer', 'examples of great loss', {
    w: count('w'),
    lss: positive('step of the loss threshold'),
    dss: positive('step of the deadline'),
    p: positive('p'),
    noise_factor: notNegative('noise of the reported losses'),
  }),
]

function elsewhere(name: string, summary: string, settings: SettingsTable): Elsewhere {
  return {
    name,
    summary: `${summary}; only the original's flamelets run it`,
    settings,
    elsewhere: true,
    apply: () => {
      throw strategyError('STRATEGY_ELSEWHERE', { sort: name })
    },
  }
}
