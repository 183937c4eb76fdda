import { role } from '../role.ts'
import { aggregate, trainersBelow } from './aggregate.ts'
import { above, below, trainersProperty } from './round-protocol.ts'

interface MiddleAggregatorState {
  readonly rounds: number
  readonly ended: boolean
}

/** Passes an assignment on to its own group, and answers with the exact partial sum of the group's updates. */
export const middleAggregator = role({
  name: 'middle-aggregator',
  open: (channel) => ({ aggregator: channel(above), trainers: channel(below) }),
  init: (): MiddleAggregatorState => ({ rounds: 0, ended: false }),
  isState: (value): value is MiddleAggregatorState =>
    typeof value === 'object' && value !== null && 'ended' in value && 'rounds' in value,
  done: ({ ended }) => ended,

  async round(state, context) {
    const { aggregator, trainers } = context.channels
    aggregator.setProperty(trainersProperty, await trainersBelow(trainers))

    const { end, message } = await aggregator.recvAny()
    if (message.type === 'end-of-training') return { ...state, ended: true }
    const { sum, metrics, members, refusals } = await aggregate(message, context)
    const { round } = message
    aggregator.send(
      end,
      { type: 'partial', round, sum: sum.partial(), metrics: metrics.partial(), members, refusals },
      { keep: false },
    )
    return { ...state, rounds: state.rounds + 1 }
  },

  async finish(_, { channels: { trainers } }) {
    await trainers.awaitJoin()
    trainers.broadcast({ type: 'end-of-training' })
  },
})
