import { defineAlgorithm } from '../../define-algorithm.ts'
import { strategyError } from '../../errors.ts'
import { allSelector } from '../../selectors/all-selector.ts'
import { averaging } from '../server/fed-avg.ts'

/**
 * Joint training of one model by parties that have different features of the same entities: each has a part of the
 * model, and one has the labels. In a batch, values of each party go to the label holder, and gradients of these values
 * come back. No update is averaged.
 *
 * @see Vepakomma, Gupta, Swedish, Raskar, Split learning for health, 2018, section 2.2 (vertically partitioned data).
 */
export const verticalTraining = defineAlgorithm({
  name: 'vertical',
  summary: 'joint training of one model, of which each party trains the part for its own columns of the table',
  source: 'Vepakomma et al., 2018, vertically partitioned data; Huberman, Franklin, Hogg, EC 1999, for psi',
  settings: {
    alignment: {
      kind: 'choice',
      choices: ['psi', 'hashed'],
      default: 'psi',
      help: 'how the common entities are found: by private set intersection, or by keyed hashes for parties that trust each other',
    },
    absent: {
      kind: 'choice',
      choices: ['fail', 'zeros', 'last'],
      default: 'fail',
      help: 'a party that left, or is late for a batch: fails the round, or its values are zeros, or those that it last sent for the same entities',
    },
    deadlineMs: {
      kind: 'number',
      above: 0,
      optional: true,
      help: 'milliseconds that the label holder waits for the values of a batch; none: as long as the party is there',
    },
    heldOut: {
      kind: 'number',
      least: 0,
      below: 1,
      default: 0.2,
      help: 'fraction of the common entities that are left out of the training, and evaluated after each round',
    },
  },
  make: ({ alignment, absent, deadlineMs, heldOut }) => ({
    vertical: { alignment, absent, heldOut, ...(deadlineMs === undefined ? {} : { deadlineMs }) },
    select: allSelector(),
    waiting: { kind: 'quorum', quorum: 1, minimumUpdates: 1 },
    aggregation: { needs: 'sum', vectors: { delta: { quantumBits: 34 } } },
    stages: [],
    server: averaging,
    client: {
      needs: ['parts', 'parties', 'stepwise'],
      async train() {
        throw strategyError('STRATEGY_TOPOLOGY', { reason: 'vertical trains no client by itself' })
      },
    },
  }),
})
