import { fieldsOf, isCount, isMissingOr, isObject } from '../../../runtime/index.ts'
import type { CountedWork } from '../../registry/registry.ts'
import { role } from '../role.ts'
import { prefixed } from './aggregate.ts'
import { type Debts, type GossipContext, isThere, settled, tell } from './gossip-debts.ts'
import { weightedNeighbours } from './gossip-exchange.ts'
import { type PairAveraging, pairAveraging } from './gossip-pairs.ts'
import { type GossipModel, gossipChannel } from './gossip-protocol.ts'
import { besidesRounds, type GossipState, gossiping, ownMetrics, trainedModel } from './gossip-training.ts'

interface PairState extends GossipState {
  /** Number of the last exchange or training. */
  readonly number: number
  /** The last round, once its own training and offer are done, while others may still offer. */
  readonly last?: Pick<GossipModel, 'samples' | 'metrics'> & { readonly order: readonly CountedWork[] }
}

/**
 * Trains its own model round by round, at its own pace, and averages it after each training with that of one neighbour,
 * drawn by the job's seed. Meanwhile it answers neighbours that offer theirs. The first end records the mean of all ends'
 * models after the last round.
 */
export const gossipPairTrainer = role({
  name: 'gossip-pair-trainer',
  open: (channel) => ({ gossip: channel(gossipChannel) }),
  ...gossiping,
  init: async (context: GossipContext): Promise<PairState> => ({ ...(await gossiping.init(context)), number: 0 }),
  isState: (value): value is PairState => {
    const { number, last } = fieldsOf(value)
    return gossiping.isState(value) && isCount(number) && isMissingOr(last, isObject)
  },

  async round(state: PairState, context: GossipContext): Promise<PairState> {
    const { waiting } = context.strategy
    const deadlineMs = waiting.kind === 'quorum' ? waiting.deadlineMs : undefined
    await context.channels.gossip.awaitJoin()
    const isRestarted = state.debts.untold === 'all'
    const debts = settled(state.debts, context)
    if (isRestarted && (state.last || debts.round >= state.rounds)) tellOver(state.rounds, context)
    const next = { ...state, debts }
    const besides = await besidesRounds(next, deadlineMs, context)
    if (besides) return besides
    const pairs = pairAveraging(debts, state, context)
    const { last } = state
    return last ? lastAnswers({ ...next, last }, pairs, context) : pairRound(next, pairs, context)
  },
})

/** Trains, and answers offers meanwhile; then offers to one neighbour. */
async function pairRound(state: PairState, pairs: PairAveraging, context: GossipContext): Promise<PairState> {
  const { end: self } = context
  const round = state.debts.round + 1
  const training = trainedModel(round, state, context)
  let hasTrained = false
  const noteEnd = () => {
    hasTrained = true
  }
  // A fault of the training is thrown where it is awaited.
  const ended = training.then(noteEnd, noteEnd)
  await pairs.answer(
    () => hasTrained,
    () => ended,
  )
  const { isCounted, weights, ...trained } = await training
  pairs.add(weights, state.weights, round)
  const neighbours = [...weightedNeighbours(round, context).keys()]
  await pairs.offer(
    round,
    neighbours.filter((end) => end < self),
  )
  const next = { ...averaged(state, pairs), ...(isCounted && { counted: round }) }
  const { order } = pairs.state
  if (round < state.rounds) return published(next, { ...trained, order }, context)
  tellOver(round, context)
  return { ...next, last: { ...trained, order } }
}

/** Answers one offer, or publishes the last round if all ends that may offer are over. */
async function lastAnswers(
  state: PairState & Required<Pick<PairState, 'last'>>,
  pairs: PairAveraging,
  context: GossipContext,
): Promise<PairState> {
  const { end: self, channels } = context
  const { gossip } = channels
  const offering = gossip.expected.filter((end) => end > self)
  const isOver = (end: string) =>
    !isThere(end, gossip) ||
    gossip.find((arrival) => arrival.end === end && arrival.message.type === 'over') !== undefined
  const outcome = await pairs.answer(
    () => offering.every(isOver),
    () => gossip.changed(),
    1,
  )
  const next = averaged(state, pairs)
  const last = { ...state.last, order: [...state.last.order, ...pairs.state.order] }
  if (outcome === 'more') return { ...next, last }
  const { last: _, ...done } = await published(next, last, context)
  const { samples, metrics } = last
  const model = { round: done.debts.round, weights: done.weights, samples, metrics }
  return { ...done, debts: { ...done.debts, unrecorded: [{ model }] } }
}

/** Tells the ends that answer offers that this one makes no further ones. */
function tellOver(round: number, { end: self, channels: { gossip } }: GossipContext): void {
  tell(
    gossip.expected.filter((end) => end < self),
    { type: 'over', round },
    gossip,
  )
}

function averaged(state: PairState, { state: { weights, number, given, exchanged, order } }: PairAveraging): PairState {
  const latest = [...new Set(order.map(({ end }) => end).filter((end) => exchanged[end] !== undefined))]
  const debts: Debts = { ...state.debts, given, exchanged, latest, untold: 'exchanges' }
  return { ...state, weights, number, debts }
}

/** Publishes this end's model after its next round. */
async function published(
  state: PairState,
  { metrics, order }: NonNullable<PairState['last']>,
  context: GossipContext,
): Promise<PairState> {
  const { weights, counted } = state
  const round = state.debts.round + 1
  context.publish({
    round,
    weights,
    members: [...new Set([context.end, ...order.map(({ end }) => end)])].toSorted(),
    arrivals: order,
    metrics: {
      ...prefixed('train', metrics),
      ...prefixed('client', await ownMetrics(round, weights, counted, context)),
    },
  })
  return { ...state, debts: { ...state.debts, round } }
}
