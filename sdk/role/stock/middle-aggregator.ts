import { isObject } from '../../../runtime/index.ts'
import type { Arrival } from '../channel/channel.ts'
import { role } from '../role.ts'
import { gather, gatherEvaluations, levelsBelow, trainersBelow } from './aggregate.ts'
import { answerTo } from './client-evaluation.ts'
import { coordinatedAssignment, pairsOf } from './coordinated.ts'
import { coordinated } from './coordinator-protocol.ts'
import { grantedAssignment, grantedEnds } from './granted-ends.ts'
import {
  answerBuffer,
  isMiddleFlight,
  type MiddleFlight,
  noMiddleFlight,
  restarted,
  restProperty,
} from './middle-buffer.ts'
import { type Assignment, below, levelsProperty, trainersProperty, above as upward } from './round-protocol.ts'

interface MiddleAggregatorState {
  readonly rounds: number
  readonly ended: boolean
  /** The last answered round, and its members. */
  readonly last?: { readonly round: number; readonly members: readonly string[] }
  /** Where the algorithm is asynchronous. */
  readonly buffers?: MiddleFlight
}

/**
 * Passes an assignment on to its group, or to the trainers that a coordinator has paired with it, and answers with the
 * exact partial sum of their contributions. When an
 * aggregator repeats a round and asks again, answers with the sum of the same members.
 */
export const middleAggregator = role({
  name: 'middle-aggregator',
  open: (channel) => ({
    aggregator: channel(upward),
    trainers: channel(below),
    coordinator: channel.optional(coordinated),
  }),
  init: (): MiddleAggregatorState => ({ rounds: 0, ended: false }),
  isState: (value): value is MiddleAggregatorState =>
    isObject(value) &&
    'ended' in value &&
    'rounds' in value &&
    (!('buffers' in value) || isMiddleFlight(value.buffers)),
  // The aggregator above sends the end of training again.
  resume: ({ buffers, ...state }) => ({ ...state, ended: false, ...(buffers && { buffers: restarted(buffers) }) }),
  done: ({ ended }) => ended,

  async round(state, context) {
    const { aggregator, trainers, coordinator } = context.channels
    // Nobody lists the devices of a fleet. In rounds, the population of the aggregator above has them.
    aggregator.setProperty(trainersProperty, trainers.population ? [] : await trainersBelow(trainers))
    aggregator.setProperty(levelsProperty, 1 + (await levelsBelow(trainers)))

    const { waiting } = context.strategy
    const { flight, open } = state.buffers ?? noMiddleFlight
    const grants = waiting.kind === 'buffer' && coordinator ? grantedEnds(coordinator, flight.granted ?? 0) : undefined
    await coordinator?.awaitJoin()
    const counted = state.last?.members.length ?? 0
    const assigned = async () =>
      grants
        ? await grantedAssignment(aggregator, trainers, grants, flight.underWay)
        : await coordinatedAssignment(aggregator, coordinator, counted)
    const { end, message } = open ?? (await assigned())
    if (message.type === 'end-of-training') return { ...state, ended: true }
    const { round } = message
    if (message.type !== 'train') {
      const found = await gatherEvaluations(message, context)
      aggregator.send(end, { type: answerTo(message.type), round, ...found }, { keep: false })
      return state
    }
    if (waiting.kind === 'buffer') {
      const isEnd = ({ message: { type } }: Arrival<Assignment>) => type === 'end-of-training'
      const rest = aggregator.property(end, restProperty)
      const above = {
        isOver: () => aggregator.find(isEnd) !== undefined,
        isToRest: () => aggregator.property(end, restProperty) !== rest,
        changed: () => aggregator.changed(),
      }
      const { answer, next } = await answerBuffer({ end, message }, waiting, state.buffers, context, { above, grants })
      if (answer) aggregator.send(end, answer, { keep: false })
      return { ...state, rounds: state.rounds + 1, buffers: next }
    }
    const again = state.last?.round === round ? state.last : undefined
    const assignment = again ? { ...message, selected: again.members } : message
    // An aggregator of trainers has them from the assignment.
    const pairs = trainers.othersHoldData ? undefined : await pairsOf(round, coordinator, context.end)
    const { sum, refusals, anew } = await gather(assignment, context, { everyone: again !== undefined, pairs })
    const part = { ...sum.partial(), ...(anew && { anew }) }
    aggregator.send(end, { type: 'partial', round, part, refusals }, { keep: false })
    return { ...state, rounds: state.rounds + 1, last: { round, members: sum.members } }
  },

  async finish(_, { channels: { trainers } }) {
    await trainers.awaitJoin()
    trainers.broadcast({ type: 'end-of-training' })
  },
})
