import { CodedError } from '../../../runtime/index.ts'
import { role } from '../role.ts'
import { above } from './round-protocol.ts'

interface TrainerState {
  readonly ended: boolean
}

/**
 * Trains on its own data when it's asked to, and answers with a contribution. Where the algorithm's clients keep a state, it
 * starts from the state that the last counted round left, and keeps the new one before it answers: asked again for the same
 * round, it trains again to the same bits.
 */
export const trainer = role({
  name: 'trainer',
  open: (channel) => ({ aggregator: channel(above) }),
  init: (): TrainerState => ({ ended: false }),
  isState: (value): value is TrainerState => typeof value === 'object' && value !== null && 'ended' in value,
  // Told again at the end of the aggregator above.
  resume: () => ({ ended: false }),
  done: ({ ended }) => ended,

  async round(state, { channels: { aggregator }, strategy: { client }, learner, random, own, end: self }) {
    const { end, message } = await aggregator.recvAny()
    if (message.type === 'end-of-training') return { ended: true }
    const { round, weights } = message
    try {
      if (message.type === 'evaluate') {
        const { samples, metrics } = await learner.evaluateClient(weights)
        const clients = [{ end: self, samples, metrics }]
        aggregator.send(end, { type: 'evaluated', round, clients, refusals: [] }, { keep: false })
        return state
      }
      const { terms, counted } = message
      const before = client.init && ((await own.before(round, counted?.[self])) ?? client.init(learner.layout))
      const given = { round, weights, terms }
      const { contribution, own: after } = await client.train(given, before, learner, random(round, 'client'))
      if (client.init) await own.keep(round, after)
      aggregator.send(end, { type: 'contribution', round, contribution }, { keep: false })
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      const { code, message: reason, hint } = error
      aggregator.send(end, { type: 'failed', asked: message.type, round, code, reason, hint }, { keep: false })
    }
    return state
  },
})
