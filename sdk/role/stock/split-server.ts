import { CodedError } from '../../../runtime/index.ts'
import type { Arrival, Channel } from '../channel/channel.ts'
import { type RoleContext, role } from '../role.ts'
import { isAfter, isOf } from './attempt.ts'
import { splitPlan } from './split-plan.ts'
import {
  lifeProperty,
  type SplitReply,
  type SplitRequest,
  splitBelow,
  type TopAnswer,
  type TopRequest,
  topAbove,
} from './split-protocol.ts'
import { type SplitTops, splitTops } from './split-tops.ts'
import { newestOf, untilEnd } from './trainer.ts'

type ServerContext = RoleContext<{
  readonly aggregator: Channel<TopAnswer, TopRequest>
  readonly trainers: Channel<SplitReply, SplitRequest>
}>
type Begin = Extract<TopRequest, { type: 'begin' }>

/**
 * Holds the upper part of a split model while a round trains it, and trains it with the clients, batch by batch. It gets
 * the part from the aggregator with each attempt and gives back the part's movement, so that it keeps nothing between
 * rounds: after a restart, which the aggregator sees by the property `life`, the aggregator begins another attempt.
 */
export const splitServer = role({
  name: 'split-server',
  open: (channel) => ({ aggregator: channel(topAbove), trainers: channel(splitBelow) }),
  ...untilEnd,

  async round(state, context) {
    const { aggregator, trainers } = context.channels
    aggregator.setProperty(lifeProperty, await context.life())
    const { end, message } = await newestOf(aggregator)
    if (message.type === 'end-of-training') return { ended: true }
    await trainers.awaitJoin()
    if (message.type === 'begin') await serve(end, message, context)
    return state
  },
})

/** Serves the clients of an attempt until the aggregator begins something else. */
async function serve(above: string, begin: Begin, context: ServerContext): Promise<void> {
  const { aggregator, trainers } = context.channels
  const tops = splitTops(begin, splitPlan(context.settings, context.learner), context)
  for (;;) {
    if (aggregator.find(({ message }) => message.type !== 'close' || isAfter(begin, message))) return
    const arrival = aggregator.take(({ message }) => message.type === 'close')
    if (arrival?.message.type === 'close') {
      const { message } = arrival
      if (isOf(begin, message)) aggregator.send(above, await tops.close(message.members), { keep: false })
      continue
    }
    tops.passOver((end) => !trainers.has(end))
    const requests = dueRequests(begin, tops, trainers)
    if (requests.length === 0) {
      await Promise.race([trainers.changed(), aggregator.changed()])
      continue
    }
    // Replies are sent in the order of the requests, whichever pass ends first.
    const replies = await Promise.all(requests.map((request) => replyTo(request, begin, tops, context)))
    for (const [index, reply] of replies.entries()) {
      const { round, attempt } = begin
      if (reply === 'again') aggregator.send(above, { type: 'again', round, attempt, refusals: [] }, { keep: false })
      else if (reply) trainers.send(requests[index]?.end ?? '', reply, { keep: false })
    }
  }
}

/** Takes one message of each client whose turn it is. Those of earlier attempts are dropped, those of later ones stay. */
function dueRequests(
  begin: Begin,
  tops: SplitTops,
  trainers: Channel<SplitReply, SplitRequest>,
): readonly Arrival<SplitRequest>[] {
  const requests = new Map<string, Arrival<SplitRequest>>()
  for (;;) {
    const arrival = trainers.take(
      ({ end, message }) =>
        !isAfter(begin, message) && (!isOf(begin, message) || (tops.isDue(end) && !requests.has(end))),
    )
    if (!arrival) return [...requests.values()]
    if (isOf(begin, arrival.message)) requests.set(arrival.end, arrival)
  }
}

async function replyTo(
  { end, message }: Arrival<SplitRequest>,
  { round, attempt }: Begin,
  tops: SplitTops,
  { signal }: ServerContext,
): Promise<SplitReply | 'again' | undefined> {
  try {
    return await tops.receive(end, message)
  } catch (error) {
    if (signal.aborted || !(error instanceof CodedError) || message.type === 'withdrawn') throw error
    tops.drop(end)
    const { code, message: reason, hint } = error
    return { type: 'failed', round, attempt, batch: message.batch, code, reason, hint }
  }
}
