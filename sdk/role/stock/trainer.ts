import { CodedError, isObject } from '../../../runtime/index.ts'
import type { Arrival, Channel } from '../channel/channel.ts'
import { role } from '../role.ts'
import { evaluatedBy } from './client-evaluation.ts'
import { clientWork } from './client-work.ts'
import { above } from './round-protocol.ts'

/**
 * Takes the next assignment of any end, or the last one of that end that waits already: an end that was away, or slow,
 * takes part in the present round, and doesn't train for rounds that have ended.
 */
export async function newestOf<Out, In>(aggregator: Channel<Out, In>): Promise<Arrival<In>> {
  const arrival = await aggregator.recvAny()
  return aggregator.peek(arrival.end) ? lastOf(aggregator, arrival) : arrival
}

async function lastOf<Out, In>(
  aggregator: Channel<Out, In>,
  { end, message: first }: Arrival<In>,
): Promise<Arrival<In>> {
  let message = first
  while (aggregator.peek(end)) message = (await aggregator.recv(end)) ?? message
  return { end, message }
}

interface EndedState {
  readonly ended: boolean
}

/** The state of a role that keeps nothing between rounds but whether the training has ended, and is done when it has. */
export const untilEnd = {
  init: (): EndedState => ({ ended: false }),
  isState: (value: unknown): value is EndedState => isObject(value) && 'ended' in value,
  // The aggregator above sends the end of training again.
  resume: (): EndedState => ({ ended: false }),
  done: ({ ended }: EndedState): boolean => ended,
}

/** An answer that is lost is asked for again. */
const answered = { keep: false } as const

/**
 * Trains on its own data for each assignment, and answers with a contribution. Where clients keep own state, training
 * starts from the state after the last counted round, and the new state is kept before the answer is sent: a repeated
 * assignment gives the same bits.
 */
export const trainer = role({
  name: 'trainer',
  rests: true,
  open: (channel) => ({ aggregator: channel(above) }),
  ...untilEnd,

  async round(state, context) {
    const { channels, end: self } = context
    const { aggregator } = channels
    const first = await aggregator.recvAny()
    const { end, message } = aggregator.peek(first.end) ? await lastOf(aggregator, first) : first
    if (message.type === 'end-of-training') return { ended: true }
    const { round, weights } = message
    try {
      if (message.type !== 'train') {
        aggregator.send(end, await evaluatedBy(message, context), answered)
        return state
      }
      const { terms, counted } = message
      const { contribution, isAnew } = await clientWork({ round, weights, terms, counted: counted?.[self] }, context)
      const answer = { type: 'contribution', round, contribution } as const
      aggregator.send(end, isAnew ? { ...answer, isAnew } : answer, answered)
    } catch (error) {
      // A task that is being stopped has not failed: it trains again where it is hosted next.
      if (context.signal.aborted || !(error instanceof CodedError)) throw error
      const { code, message: reason, hint } = error
      aggregator.send(end, { type: 'failed', asked: message.type, round, code, reason, hint }, answered)
    }
    return state
  },
})
