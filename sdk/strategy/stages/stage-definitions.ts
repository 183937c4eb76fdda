import { mostLevel } from '../../sum/packed-vector.ts'
import type { Stage } from '../algorithm.ts'
import type { Described } from '../define-algorithm.ts'
import { type SettingsTable, type SettingValues, settingValues } from '../settings.ts'
import { clip } from './clip.ts'
import { compressing } from './delta-stage.ts'
import { noise } from './noise.ts'
import { evenSteps, quantised, scaledSigns } from './quantise.ts'
import { countOf, largest, randomPositions } from './sparsify.ts'

/** A stage that a job may name. */
export interface StageDefinition extends Described {
  /** Makes the stage from settings of unknown origin. Throws STRATEGY_SETTING, STRATEGY_SETTING_UNKNOWN. */
  from(given: Readonly<Record<string, unknown>>): Stage
}

function defineStage<const Table extends SettingsTable>({
  make,
  ...described
}: Described<Table> & { make(values: SettingValues<Table>): Stage }): StageDefinition {
  return { ...described, from: (given) => make(settingValues(described.name, described.settings, given)) }
}

const feedback = (otherwise: 'on' | 'off') =>
  ({
    kind: 'choice',
    choices: ['on', 'off'],
    default: otherwise,
    help: 'on: the client adds the part that was lost to its next update',
  }) as const

const kept = {
  fraction: {
    kind: 'number',
    above: 0,
    most: 1,
    default: 0.01,
    help: 'fraction of the values that is kept, rounded up to a whole number',
  },
  k: { kind: 'whole', least: 1, optional: true, help: 'number of values that are kept, in place of the fraction' },
} as const

/** All stages. The first setting of each may be given without its name, as in `clip:1`. */
export const stageDefinitions: readonly StageDefinition[] = [
  defineStage({
    name: 'clip',
    summary: 'shortens each update to a norm: Δ·min(1, S/‖Δ‖), over the whole model',
    source: 'Sun et al. 2019 (arXiv 1911.07963)',
    settings: { norm: { kind: 'number', above: 0, help: 'S: greatest norm of an update' } },
    make: clip,
  }),
  defineStage({
    name: 'top-k',
    summary: 'keeps the values of the largest magnitudes of each update, and zeros elsewhere',
    source: 'Stich et al., Sparsified SGD with Memory, NeurIPS 2018',
    settings: { ...kept, errorFeedback: feedback('on') },
    make: ({ errorFeedback, ...choices }) =>
      compressing('top-k', errorFeedback, (delta) => largest(delta, countOf(choices, delta.length))),
  }),
  defineStage({
    name: 'random-k',
    summary:
      'keeps values at random positions of each update; without error feedback these are multiplied by N/k, so that the result is unbiased',
    source: 'Konečný et al. 2016 (arXiv 1610.05492)',
    settings: { ...kept, errorFeedback: feedback('off') },
    make: ({ errorFeedback, ...choices }) =>
      compressing('random-k', errorFeedback, (delta, random) => {
        const k = countOf(choices, delta.length)
        return randomPositions(delta, k, errorFeedback === 'on' ? 1 : delta.length / k, random)
      }),
  }),
  defineStage({
    name: 'qsgd',
    summary: 'rounds each value of an update to one of s levels of a norm, at random so that the result is unbiased',
    source: 'Alistarh et al., QSGD, NeurIPS 2017',
    settings: {
      levels: {
        kind: 'whole',
        least: 1,
        most: mostLevel,
        default: 15,
        help: 's: number of levels above 0; 2^bits − 1',
      },
      bucket: { kind: 'whole', least: 1, default: 512, help: 'd: number of values that share a norm' },
      norm: {
        kind: 'choice',
        choices: ['2-norm', 'max'],
        default: '2-norm',
        help: 'the norm of a bucket; max: its largest magnitude',
      },
      rounding: {
        kind: 'choice',
        choices: ['random', 'down'],
        default: 'random',
        help: 'down: without draws, biased, and with s − 1 as the highest level',
      },
    },
    make: (choices) => compressing('qsgd', 'off', (delta, random) => quantised(delta, choices, random)),
  }),
  defineStage({
    name: 'scaled-sign',
    summary: 'sends (‖Δ‖₁/N)·sign(Δ)',
    source: 'Karimireddy et al., ICML 2019, algorithm 1',
    settings: { errorFeedback: feedback('on') },
    make: ({ errorFeedback }) => compressing('scaled-sign', errorFeedback, scaledSigns),
  }),
  defineStage({
    name: 'uniform',
    summary: 'rounds each value of an update to one of 2^b − 1 even steps of its tensor',
    settings: {
      bits: { kind: 'whole', least: 2, most: 24, default: 8, help: 'b: bits of a value' },
      errorFeedback: feedback('on'),
    },
    make: ({ bits, errorFeedback }) =>
      compressing('uniform', errorFeedback, (delta, _, layout) => evenSteps(delta, bits, layout)),
  }),
  defineStage({
    name: 'noise',
    summary: 'adds to each value of an update a normal draw of the client’s secret stream',
    settings: { deviation: { kind: 'number', least: 0, help: 'σ: standard deviation of the noise' } },
    make: ({ deviation }) => noise(deviation),
  }),
]
