import { defineAlgorithm } from '../../define-algorithm.ts'
import { roundSettings } from '../server/index.ts'
import { adding, eachParts } from './each-parts.ts'
import { meanOfRanks, medianOf } from './sorted-blocks.ts'

/**
 * Median: each coordinate of the step is the median of the members' values. With an even number of members, the mean of
 * the two in the middle. The number of samples has no effect.
 *
 * With fewer than half of the members faulty, each coordinate lies between the least and the greatest honest value.
 *
 * @see Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018, definition 1.
 */
export const median = defineAlgorithm({
  name: 'median',
  summary: 'robust: each coordinate of the step is the median of the members’ values',
  source: 'Yin et al., ICML 2018, definition 1',
  settings: roundSettings,
  make: (values) => ({ ...eachParts(values), server: adding(medianOf) }),
})

/**
 * Trimmed mean: of each coordinate, the ⌊βm⌋ smallest and as many of the greatest values of the m members are dropped;
 * the step is the mean of the rest, with equal weights. `f`, if given, is the number dropped on each side.
 *
 * @see Yin et al., ICML 2018, definition 2.
 */
export const trimmedMean = defineAlgorithm({
  name: 'trimmed-mean',
  summary: 'robust: each coordinate is the equal mean without the ⌊βm⌋ smallest and as many greatest values',
  source: 'Yin et al., ICML 2018, definition 2',
  settings: {
    beta: {
      kind: 'number',
      least: 0,
      below: 0.5,
      default: 0.1,
      help: 'β: fraction of the members that is dropped on each side',
    },
    f: {
      kind: 'whole',
      least: 0,
      optional: true,
      help: 'number of members that is dropped on each side, in place of β; a round needs 2f + 1 members',
    },
    ...roundSettings,
  },
  make: ({ beta, f, ...values }) => ({
    ...eachParts(values, { leastMembers: 2 * (f ?? 0) + 1 }),
    server: adding((deltas) => {
      // A product that should be whole may come out a little below.
      const dropped = f ?? Math.floor(beta * deltas.length + 1e-9)
      return meanOfRanks(deltas, dropped, deltas.length - dropped)
    }),
  }),
})
