import { role } from '../role.ts'
import { prefixed } from './aggregate.ts'
import { type GossipContext, settled, tellRecorder, withoutPart } from './gossip-debts.ts'
import { exchange, weightedNeighbours } from './gossip-exchange.ts'
import { type GossipModel, gossipChannel } from './gossip-protocol.ts'
import { besidesRounds, type GossipState, gossiping, ownMetrics, trainedModel } from './gossip-training.ts'

/**
 * Trains its own model in each round, and mixes it with those of its neighbours in a graph. There is no aggregator: each
 * end publishes its model, as a part of the round; the first end records the mean of all, and the greatest distance from
 * it. Selection and deadline are the algorithm's; an end that isn't selected, or whose training failed, mixes its model
 * as it was.
 */
export const gossipTrainer = role({
  name: 'gossip-trainer',
  open: (channel) => ({ gossip: channel(gossipChannel) }),
  ...gossiping,

  async round(state: GossipState, context: GossipContext): Promise<GossipState> {
    const { waiting } = context.strategy
    const deadlineMs = waiting.kind === 'quorum' ? waiting.deadlineMs : undefined
    await context.channels.gossip.awaitJoin()
    const debts = settled(state.debts, context)
    const next = { ...state, debts }
    return (await besidesRounds(next, deadlineMs, context)) ?? gossipRound(next, deadlineMs, context)
  },
})

async function gossipRound(
  state: GossipState,
  deadlineMs: number | undefined,
  context: GossipContext,
): Promise<GossipState> {
  const { debts } = state
  const round = debts.round + 1
  const { isCounted, ...trained } = await trainedModel(round, state, context)
  const counts = isCounted ? { counted: round } : {}
  const weighted = weightedNeighbours(round, context)
  const neighbours = [...weighted.keys()]
  let { unrecorded } = debts
  const changed = () => {
    unrecorded = tellRecorder(unrecorded, context)
  }
  const { weights } = trained
  const asked = { round, weights, neighbours: weighted, deadlineMs, changed }
  const { mixture, counted: mixedWith, given } = await exchange(asked, context)
  const model = { ...trained, round, weights: mixture }
  await publish(model, { mixedWith, neighbours, counted: counts.counted ?? state.counted }, context)
  return {
    ...state,
    ...counts,
    weights: mixture,
    debts: {
      ...debts,
      round,
      given: given.together.length + given.apart.length > 0 ? [...debts.given, given] : debts.given,
      unrecorded: [...unrecorded, { model }],
      exchanged: { ...debts.exchanged, ...Object.fromEntries(neighbours.map((end) => [end, round] as const)) },
      latest: neighbours,
      untold: 'exchanges',
    },
  }
}

async function publish(
  { round, weights, metrics }: GossipModel,
  {
    mixedWith,
    neighbours,
    counted,
  }: {
    readonly mixedWith: readonly string[]
    readonly neighbours: readonly string[]
    readonly counted: number | undefined
  },
  context: GossipContext,
): Promise<void> {
  const missing = neighbours.filter((other) => !mixedWith.includes(other))
  context.publish({
    round,
    weights,
    members: [...mixedWith, context.end].toSorted(),
    metrics: {
      ...prefixed('train', metrics),
      ...prefixed('client', await ownMetrics(round, weights, counted, context)),
    },
    ...(await withoutPart(missing, `not counted in ${round}`, context)),
  })
}
