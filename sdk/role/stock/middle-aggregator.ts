import { isObject } from '../../../runtime/index.ts'
import { role } from '../role.ts'
import { gather, gatherEvaluations, levelsBelow, trainersBelow } from './aggregate.ts'
import { above, below, levelsProperty, trainersProperty } from './round-protocol.ts'

interface MiddleAggregatorState {
  readonly rounds: number
  readonly ended: boolean
  /** The last answered round, and its members. */
  readonly last?: { readonly round: number; readonly members: readonly string[] }
}

/**
 * Passes an assignment on to its group, and answers with the exact partial sum of the group's contributions. When an
 * aggregator repeats a round and asks again, answers with the sum of the same members.
 */
export const middleAggregator = role({
  name: 'middle-aggregator',
  open: (channel) => ({ aggregator: channel(above), trainers: channel(below) }),
  init: (): MiddleAggregatorState => ({ rounds: 0, ended: false }),
  isState: (value): value is MiddleAggregatorState => isObject(value) && 'ended' in value && 'rounds' in value,
  // The aggregator above sends the end of training again.
  resume: (state) => ({ ...state, ended: false }),
  done: ({ ended }) => ended,

  async round(state, context) {
    const { aggregator, trainers } = context.channels
    aggregator.setProperty(trainersProperty, await trainersBelow(trainers))
    aggregator.setProperty(levelsProperty, 1 + (await levelsBelow(trainers)))

    const { end, message } = await aggregator.recvAny()
    if (message.type === 'end-of-training') return { ...state, ended: true }
    const { round } = message
    if (message.type !== 'train') {
      const found = await gatherEvaluations(message, context)
      aggregator.send(
        end,
        { type: message.type === 'query' ? 'answered' : 'evaluated', round, ...found },
        { keep: false },
      )
      return state
    }
    const again = state.last?.round === round ? state.last : undefined
    const assignment = again ? { ...message, selected: again.members } : message
    const { sum, refusals, anew } = await gather(assignment, context, { everyone: again !== undefined })
    aggregator.send(
      end,
      { type: 'partial', round, part: sum.partial(), refusals, ...(anew && { anew }) },
      { keep: false },
    )
    return { ...state, rounds: state.rounds + 1, last: { round, members: sum.members } }
  },

  async finish(_, { channels: { trainers } }) {
    await trainers.awaitJoin()
    trainers.broadcast({ type: 'end-of-training' })
  },
})
