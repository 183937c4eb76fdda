import { CodedError, isObject } from '../../../runtime/index.ts'
import { namedPopulation } from '../../strategy/population.ts'
import type { Settings } from '../role.ts'
import { evaluatedBy } from './client-evaluation.ts'
import { clientWork } from './client-work.ts'
import { closing, recordConsensus } from './gossip-consensus.ts'
import { type Debts, type GossipContext, isDebts, noDebts, recorderOf } from './gossip-debts.ts'
import { closedProperty, type GossipModel } from './gossip-protocol.ts'

/** The state of an end that gossips. */
export interface GossipState {
  readonly rounds: number
  readonly weights: Float32Array
  /** State of the algorithm's server part, which each end runs for itself. */
  readonly server: unknown
  /** The last round that this end trained in. */
  readonly counted?: number
  readonly debts: Debts
  /** This end has done its rounds and owes nothing. */
  readonly closed: boolean
}

/** A training's model, and the part of the training in the round's metrics. */
interface Trained extends Omit<GossipModel, 'round'> {
  readonly isCounted: boolean
}

/** The parts of the role that all ends that gossip share. */
export const gossiping = {
  async init({ learner, strategy: { server }, settings }: GossipContext): Promise<GossipState> {
    const weights = await learner.initialWeights()
    return { rounds: settings.rounds, weights, server: server.init(learner.layout), debts: noDebts, closed: false }
  },
  isState: (value: unknown): value is GossipState =>
    isObject(value) &&
    'weights' in value &&
    value.weights instanceof Float32Array &&
    'debts' in value &&
    isDebts(value.debts),
  /** After a restart: others may have missed any message of this end. */
  resume: <State extends GossipState>(
    state: State,
    { settings: { rounds } }: { readonly settings: Settings },
  ): State => ({
    ...state,
    rounds,
    debts: { ...state.debts, untold: 'all' },
    closed: state.closed && state.debts.round >= rounds,
  }),
  done: ({ closed }: GossipState) => closed,
  finish({ debts }: GossipState, { channels: { gossip } }: GossipContext): void {
    gossip.setProperty(closedProperty, debts.recorded)
  },
}

/** Records a consensus that is due, or ends the part of an end that has done its rounds. Undefined: a round is due. */
export async function besidesRounds<State extends GossipState>(
  state: State,
  deadlineMs: number | undefined,
  context: GossipContext,
): Promise<State | undefined> {
  const { debts, rounds } = state
  if (debts.unrecorded.length > 0 && recorderOf(context) === context.end)
    return { ...state, debts: await recordConsensus(debts, deadlineMs, context) }
  return debts.round >= rounds ? { ...state, ...(await closing(debts, deadlineMs, context)) } : undefined
}

/** Trains, and steps with this end's own contribution alone. The model as it was if the end isn't selected, or fails. */
export async function trainedModel(
  round: number,
  { weights: start, server, counted }: Pick<GossipState, 'weights' | 'server' | 'counted'>,
  context: GossipContext,
): Promise<Trained> {
  const { end, channels, strategy, settings, notice } = context
  const ends = [...channels.gossip.expected, end].toSorted()
  const asItWas = { weights: start, samples: 0, metrics: {}, isCounted: false }
  if (!strategy.select.select(namedPopulation(ends), context.jobRandom(round, 'select')).includes(end)) return asItWas
  try {
    const terms = strategy.server.assign?.(server, round) ?? {}
    const { contribution } = await clientWork({ round, weights: start, terms, counted }, context)
    const sum = context.roundSum()
    sum.add(end, contribution)
    await sum.settle()
    const weights = start.slice()
    const aggregate = sum.aggregate({ round, population: settings.clients })
    strategy.server.step(weights, aggregate, structuredClone(server), context.random(round, 'step'))
    return { weights, samples: contribution.samples, metrics: sum.metrics.means(), isCounted: true }
  } catch (error) {
    if (context.signal.aborted || !(error instanceof CodedError)) throw error
    notice({ code: error.code, message: `${end} mixes its model untrained in round ${round}: ${error.message}` })
    return asItWas
  }
}

/** Metrics of this end's model on its own held-out examples, in rounds after which clients evaluate. */
export async function ownMetrics(
  round: number,
  weights: Float32Array,
  counted: number | undefined,
  context: GossipContext,
): Promise<Readonly<Record<string, number>>> {
  const every = context.strategy.clientEvaluation
  if (every === undefined || round % every !== 0) return {}
  const states = counted === undefined ? {} : { counted: { [context.end]: counted } }
  const answer = await evaluatedBy({ type: 'evaluate', round, weights, selected: [], ...states }, context)
  return answer.type === 'evaluated' ? (answer.clients[0]?.metrics ?? {}) : {}
}
