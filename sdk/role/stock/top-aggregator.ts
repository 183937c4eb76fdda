import { roleError } from '../errors.ts'
import { isStrings } from '../guards.ts'
import { role } from '../role.ts'
import { gather, trainersBelow } from './aggregate.ts'
import { below, type Refusal } from './round-protocol.ts'

interface TopAggregatorState {
  /** Rounds committed. */
  readonly round: number
  readonly rounds: number
  readonly weights: Float32Array
  /** State of the algorithm's server part. */
  readonly server: unknown
}

/** Runs the rounds of a job: select, distribute, gather to the quorum or the deadline, step, evaluate, publish. */
export const topAggregator = role({
  name: 'top-aggregator',
  open: (channel) => ({ trainers: channel(below) }),
  async init({ learner, strategy, settings }): Promise<TopAggregatorState> {
    const weights = await learner.initialWeights()
    return { round: 0, rounds: settings.rounds, weights, server: strategy.server.init(learner.layout) }
  },
  isState: (value): value is TopAggregatorState =>
    typeof value === 'object' &&
    value !== null &&
    'weights' in value &&
    value.weights instanceof Float32Array &&
    'server' in value,
  resume: (state, { settings }) => ({ ...state, rounds: settings.rounds }),
  done: ({ round, rounds }) => round >= rounds,

  async round(state, context) {
    const {
      channels: { trainers },
      strategy,
      learner,
    } = context
    const round = state.round + 1
    const select = async () => strategy.select.select(await trainersBelow(trainers), context.random(round, 'select'))
    const selected = await context.decide('selected', select, isStrings)

    const { sum, metrics, members, refusals } = await gather(
      {
        type: 'train',
        round,
        weights: state.weights,
        terms: strategy.server.assign?.(state.server, round) ?? {},
        selected,
      },
      context,
    )
    const { minimumUpdates } = strategy.waiting
    if (members.length < minimumUpdates) {
      throw roleError('ROLE_TOO_FEW_UPDATES', {
        round,
        counted: members.length,
        selected: selected.length,
        minimum: minimumUpdates,
        causes: causesOf(refusals),
        advice: refusals[0]?.hint ?? 'mend what the trainers report, or lower minimumUpdates',
      })
    }

    const weights = state.weights.slice()
    const server = structuredClone(state.server)
    const population = context.settings.clients
    const aggregate = { round, members, population, weight: sum.weight, mean: () => sum.mean() }
    strategy.server.step(weights, aggregate, server, context.random(round, 'step'))
    const { metrics: evaluated, whyNotFinite } = await learner.evaluate(weights)
    context.publish({
      round,
      weights,
      members,
      metrics: { ...prefixed('train', metrics.means()), ...evaluated },
      ...(whyNotFinite === undefined ? {} : { whyNotFinite }),
    })
    return { ...state, round, weights, server }
  },

  async finish(_, { channels: { trainers } }) {
    await trainers.awaitJoin()
    trainers.broadcast({ type: 'end-of-training' })
  },
})

function prefixed(prefix: string, metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${prefix}-${name}`, value]))
}

function causesOf(refusals: readonly Refusal[]): string {
  const [first] = refusals
  return first
    ? `${refusals.length} failed or ${refusals.length === 1 ? 'was' : 'were'} refused, the first ${first.end}: ${first.code} ${first.reason}`
    : 'none was refused: the others left or came too late'
}
