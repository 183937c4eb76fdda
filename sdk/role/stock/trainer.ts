import { CodedError } from '../../../runtime/index.ts'
import { role } from '../role.ts'
import { above } from './round-protocol.ts'

interface TrainerState {
  readonly ended: boolean
}

/**
 * Trains on its own data when it's asked to, and answers with the update. Keeps nothing between rounds: asked again for the
 * same round, it trains again to the same bits.
 */
export const trainer = role({
  name: 'trainer',
  open: (channel) => ({ aggregator: channel(above) }),
  init: (): TrainerState => ({ ended: false }),
  isState: (value): value is TrainerState => typeof value === 'object' && value !== null && 'ended' in value,
  // Told again at the end of the aggregator above.
  resume: () => ({ ended: false }),
  done: ({ ended }) => ended,

  async round(state, { channels: { aggregator }, strategy, learner, random }) {
    const { end, message } = await aggregator.recvAny()
    if (message.type === 'end-of-training') return { ended: true }
    const { round, weights, terms } = message
    try {
      const given = { round, weights, terms }
      const { contribution } = await strategy.client.train(given, null, learner, random(round, 'client'))
      aggregator.send(end, { type: 'contribution', round, contribution }, { keep: false })
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      const { code, message: reason, hint } = error
      aggregator.send(end, { type: 'failed', round, code, reason, hint }, { keep: false })
    }
    return state
  },
})
