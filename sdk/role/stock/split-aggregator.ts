import { isObject, isStrings } from '../../../runtime/index.ts'
import type { Aggregate } from '../../strategy/algorithm.ts'
import { namedPopulation } from '../../strategy/population.ts'
import { overlaid } from '../../strategy/shared-part.ts'
import { isNotCounted } from '../not-counted.ts'
import { type NotCounted, role } from '../role.ts'
import { prefixed } from './aggregate.ts'
import { type SplitAggregatorContext, type SplitOutcome, splitAttempts } from './split-attempts.ts'
import { splitPlan } from './split-plan.ts'
import { bottomsBelow, topBelow } from './split-protocol.ts'

interface SplitAggregatorState {
  /** Number of committed rounds. */
  readonly round: number
  readonly rounds: number
  /** Of the whole model. */
  readonly weights: Float32Array
  /** State of the algorithm's server part. */
  readonly server: unknown
}

/**
 * Runs the rounds of a split model: selects clients, lets them train their parts with the server that has the upper part,
 * sums their parts, joins the movement of both, steps, evaluates and publishes the whole model. It never sees values or
 * labels of examples, as the server never sees the clients' weights.
 */
export const splitAggregator = role({
  name: 'split-aggregator',
  open: (channel) => ({ trainers: channel(bottomsBelow), server: channel(topBelow) }),
  async init({ learner, strategy: { server }, settings }): Promise<SplitAggregatorState> {
    const weights = await learner.initialWeights()
    return { round: 0, rounds: settings.rounds, weights, server: server.init(learner.layout) }
  },
  isState: (value): value is SplitAggregatorState =>
    isObject(value) && 'weights' in value && value.weights instanceof Float32Array && 'server' in value,
  resume: (state, { settings }) => ({ ...state, rounds: settings.rounds }),
  done: ({ round, rounds }) => round >= rounds,

  async round(state, context) {
    const { strategy, settings, learner, channels } = context
    const { trainers, server } = channels
    const round = state.round + 1
    const plan = splitPlan(settings, learner)
    await Promise.all([trainers.awaitJoin(), server.awaitJoin()])
    const choose = () => strategy.select.select(namedPopulation(trainers.ends()), context.random(round, 'select'))
    const selected = await context.decide('selected', choose, isStrings)
    const outcome = await splitAttempts({ round, selected, weights: state.weights, plan }, context)
    const { sum, top, bottom } = outcome
    const { members } = sum
    const weights = state.weights.slice()
    const serverState = structuredClone(state.server)
    const aggregate = joined(sum.aggregate({ round, population: settings.clients }), (mean) =>
      overlaid(bottom ? overlaid(mean, bottom, plan.ofClients) : mean, top, plan.ofServer),
    )
    strategy.server.step(weights, aggregate, serverState, context.random(round, 'step'))
    const notCounted =
      members.length === selected.length
        ? undefined
        : await context.decide('not counted', () => withoutPart(selected, outcome, trainers), isNotCounted)
    const { metrics, whyNotFinite } = await learner.evaluate(weights)
    context.publish({
      round,
      weights,
      members,
      ...(notCounted && { notCounted }),
      metrics: { ...prefixed('train', sum.metrics.means()), ...metrics },
      ...(whyNotFinite === undefined ? {} : { whyNotFinite }),
    })
    return { ...state, round, weights, server: serverState }
  },

  async finish(_, { channels: { trainers, server } }) {
    await Promise.all([trainers.awaitJoin(), server.awaitJoin()])
    server.broadcast({ type: 'end-of-training' })
    trainers.broadcast({ type: 'end-of-training' })
  },
})

/** The aggregate of the clients' parts, with the movement of parts that are no means as parts of the mean. */
function joined(aggregate: Aggregate, withTop: (mean: Float32Array) => Float32Array): Aggregate {
  const mean = withTop(aggregate.mean())
  return { ...aggregate, mean: () => mean, sum: () => mean.map((value) => value * aggregate.weight) }
}

function withoutPart(
  selected: readonly string[],
  { sum, refusals }: SplitOutcome,
  trainers: SplitAggregatorContext['channels']['trainers'],
): readonly NotCounted[] {
  const counted = new Set(sum.members)
  return selected
    .filter((end) => !counted.has(end))
    .toSorted()
    .map((end): NotCounted => {
      const code = refusals.find((refusal) => refusal.end === end)?.code
      if (code !== undefined) return { end, reason: 'refused', code }
      return { end, reason: trainers.has(end) ? 'late' : 'gone' }
    })
}
