import { type AnyRole, role } from '../../sdk/index.ts'
import { above } from '../../sdk/role/stock/round-protocol.ts'

/** A trainer that takes a second of the system's clock, if its end is one of these. */
export function slowTrainer(slow: readonly string[]): AnyRole {
  return role({
    name: 'trainer',
    open: (channel) => channel(above),
    init: () => ({ done: false }),
    isState: (value): value is { done: boolean } => typeof value === 'object' && value !== null && 'done' in value,
    done: ({ done }) => done,
    async round(_, { channels, strategy, learner, random, end: self, sleep }) {
      const { end, message } = await channels.recvAny()
      if (message.type === 'end-of-training') return { done: true }
      const { round, weights, terms } = message
      if (slow.includes(self)) await sleep(1000)
      const given = { round, weights, terms }
      const { contribution } = await strategy.client.train(given, null, learner, random(round, 'client'))
      channels.send(end, { type: 'contribution', round, contribution }, { keep: false })
      return { done: false }
    },
  })
}
