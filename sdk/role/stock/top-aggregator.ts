import { isObject, isStrings } from '../../../runtime/index.ts'
import type { CountedWork } from '../../registry/registry.ts'
import type { FinishedRound, Waiting } from '../../strategy/algorithm.ts'
import { type KnownNumbers, knownWith, namedPopulation } from '../../strategy/population.ts'
import type { RoundSum } from '../../strategy/round-sum.ts'
import { sentWeights, sharedPart } from '../../strategy/shared-part.ts'
import type { Channel } from '../channel/channel.ts'
import { isNotCounted } from '../not-counted.ts'
import { type NotCounted, type RoleContext, role } from '../role.ts'
import {
  gather,
  gatherEvaluations,
  isBelow,
  levelsBelow,
  populationBelow,
  prefixed,
  requireAnswers,
  requireEnough,
  trainersBelow,
} from './aggregate.ts'
import { aggregatorError } from './aggregator-errors.ts'
import { answersTo, isTold } from './asked-answers.ts'
import { fillBuffer } from './buffer-round.ts'
import { pairsOf, type ToCoordinator } from './coordinated.ts'
import { coordinated } from './coordinator-protocol.ts'
import { evaluationSummary } from './evaluation-summary.ts'
import { type Flight, isFlight, noFlight } from './flight.ts'
import { grantedEnds } from './granted-ends.ts'
import { type Answer, type Assignment, below, type Refusal } from './round-protocol.ts'

interface TopAggregatorState {
  /** Number of committed rounds. */
  readonly round: number
  readonly rounds: number
  readonly weights: Float32Array
  /** State of the algorithm's server part. */
  readonly server: unknown
  /**
   * By end: the last round that counted it. Only where clients keep own state. Where the channel's population keeps that,
   * the ends of the last round alone.
   */
  readonly counted?: Readonly<Record<string, number>>
  /** What the selector remembers of the rounds so far. */
  readonly memory?: unknown
  /** What the selector remembers of single ends, or has learnt in the last round where the channel's population keeps it. */
  readonly known?: KnownNumbers
  /** For an asynchronous algorithm: the work in progress. */
  readonly flight?: Flight
}

type TopContext = RoleContext<{
  readonly trainers: Channel<Assignment, Answer>
  /** Where a coordinator pairs the trainers with the aggregators below. */
  readonly coordinator: ToCoordinator | undefined
}>

/** Runs the rounds of a job: select, distribute, gather to the quorum or the deadline, step, evaluate, publish. */
export const topAggregator = role({
  name: 'top-aggregator',
  open: (channel) => ({ trainers: channel(below), coordinator: channel.optional(coordinated) }),
  async init({ learner, strategy: { server, client, waiting }, settings }): Promise<TopAggregatorState> {
    const weights = await learner.initialWeights()
    const state = { round: 0, rounds: settings.rounds, weights, server: server.init(learner.layout) }
    return client.init && waiting.kind === 'quorum' ? { ...state, counted: {} } : state
  },
  isState: (value): value is TopAggregatorState =>
    isObject(value) &&
    'weights' in value &&
    value.weights instanceof Float32Array &&
    'server' in value &&
    (!('flight' in value) || isFlight(value.flight)),
  resume: ({ flight, ...state }, { settings }) => ({
    ...state,
    rounds: settings.rounds,
    ...(flight && { flight: { ...flight, again: true } }),
  }),
  done: ({ round, rounds }) => round >= rounds,

  async round(state, context) {
    const { strategy, settings, learner, channels } = context
    const round = state.round + 1
    // What the last round has told is kept now that the round is committed, and again if this round runs again.
    const { population } = channels.trainers
    if (state.counted) population?.count(state.counted)
    if (state.known) population?.learn(state.known)
    const exhausted = strategy.server.exhausted?.(state.server, settings.clients)
    if (exhausted !== undefined) return endedBy(exhausted, state, context)
    const {
      sum,
      root,
      server: heard,
      flight,
      arrivals,
      notCounted,
      anew,
      finished,
    } = await contributions(state, context)
    const { members } = sum
    const weights = state.weights.slice()
    const server = structuredClone(heard)
    const aggregate = sum.aggregate({ round, population: settings.clients, root })
    const secret = strategy.secret && (await context.secret(round, 'noise'))
    strategy.server.step(weights, aggregate, server, context.random(round, 'step'), secret)
    if (finished) strategy.server.remember?.(server, finished)
    const spent = strategy.server.spent?.(server, settings.clients)
    // Without noise there is no bound, and nothing to tell.
    const privacy = spent && Number.isFinite(spent.epsilon) ? spent : undefined
    const counted = state.counted && {
      ...(population ? {} : state.counted),
      ...Object.fromEntries(members.map((end) => [end, round])),
    }
    const lastCounted = (end: string) => counted?.[end] ?? population?.lastCounted(end)
    const { metrics: evaluated, whyNotFinite } = await learner.evaluate(weights)
    context.publish({
      round,
      weights,
      members,
      ...(notCounted && { notCounted }),
      ...(anew && { anew }),
      ...(arrivals && { arrivals }),
      metrics: {
        ...prefixed('train', sum.metrics.means()),
        ...(await clientMetrics(round, weights, counted && lastCounted, context)),
        ...evaluated,
        ...(privacy && { 'privacy-epsilon': privacy.epsilon }),
      },
      ...(privacy && { privacy }),
      ...(whyNotFinite === undefined ? {} : { whyNotFinite }),
    })
    return {
      ...{ ...state, round, weights, server },
      ...(counted && { counted }),
      ...(finished && remembered(state, finished, context)),
      ...(flight && { flight }),
    }
  },

  async finish(_, { channels: { trainers, coordinator } }) {
    await coordinator?.awaitJoin()
    coordinator?.broadcast({ type: 'end' })
    await trainers.awaitJoin()
    trainers.broadcast({ type: 'end-of-training' })
  },
})

/** What the selector has learnt from a round. */
function remembered(
  { memory, known }: TopAggregatorState,
  finished: FinishedRound,
  { strategy: { select }, channels: { trainers } }: TopContext,
): Pick<TopAggregatorState, 'memory' | 'known'> {
  if (!select.remember) return {}
  const { population } = trainers
  // Every end that was ever known: who is there depends on timing.
  const named = () => {
    const ends = new Set([...Object.values(known ?? {}).flatMap((column) => Object.keys(column)), ...finished.selected])
    return namedPopulation([...ends].toSorted(), known)
  }
  const learnt = select.remember(memory, finished, population ?? named())
  return {
    ...(learnt.memory !== undefined && { memory: learnt.memory }),
    ...(learnt.known && { known: population ? learnt.known : knownWith(known ?? {}, learnt.known) }),
  }
}

/**
 * Ends the training before its last round, since the budget is spent.
 *
 * @throws ROLE_BUDGET where the budget is too small for the first round.
 */
function endedBy(reason: string, state: TopAggregatorState, { notice }: TopContext): TopAggregatorState {
  const { round, rounds } = state
  if (round === 0) throw aggregatorError('ROLE_BUDGET', { reason })
  notice({ code: 'ROLE_BUDGET', message: `training ends after round ${round} of ${rounds}: ${reason}` })
  return { ...state, rounds: round }
}

/** Gathers the contributions of a round: of the selected ends, or those that fill a buffer. */
async function contributions(
  { round: version, weights, counted, memory, known, flight = noFlight, ...state }: TopAggregatorState,
  context: TopContext,
): Promise<{
  readonly sum: RoundSum
  /** The server's state after the clients' answers. The terms that were sent share its arrays. */
  readonly server: unknown
  /** The delta of the server's own training. */
  readonly root?: Float32Array | undefined
  readonly flight?: Flight
  readonly arrivals?: readonly CountedWork[]
  readonly notCounted?: readonly NotCounted[]
  readonly anew?: readonly string[]
  readonly finished?: FinishedRound
}> {
  const {
    channels: { trainers, coordinator },
    strategy: { select, waiting, ...strategy },
  } = context
  const round = version + 1
  const server = strategy.server.hear ? structuredClone(state.server) : state.server
  const part = sharedPart(strategy.aggregation, context.learner.layout)
  const sent = sentWeights(part, weights)
  const termsNow = () => strategy.server.assign?.(server, round) ?? {}
  if (waiting.kind === 'buffer') {
    const terms = termsNow()
    const assignment = (dispatch: number, from: Float32Array, of: number) =>
      ({ type: 'train', round: dispatch, weights: sentWeights(part, from), terms, selected: [], version: of }) as const
    await coordinator?.awaitJoin()
    const grants = coordinator && grantedEnds(coordinator, flight.granted ?? 0)
    const filled = await fillBuffer({ version, weights, flight }, waiting, context, assignment, { grants })
    return { ...filled, server }
  }
  await trainers.awaitJoin()
  await coordinator?.awaitJoin()
  coordinator?.broadcast({ type: 'ready', round })
  const pairs = await pairsOf(round, coordinator, context.end)
  const paired = pairs && Object.values(pairs).flat().toSorted()
  const wait = await waitingTime(waiting, trainers)
  const present = async () => (paired ? namedPopulation(paired, known) : populationBelow(trainers, known))
  const answersOf = async (type: 'tell' | 'query', asked: readonly string[]) =>
    asked.length === 0
      ? { answers: [], refusals: [] }
      : answersTo({ type, round, weights: sent, selected: asked, ...wait }, context)
  const nominate = async () => select.candidates?.(await present(), context.random(round, 'candidates'), memory) ?? []
  const candidates = select.candidates && (await context.decide('candidates', nominate, isStrings))
  const telling = candidates && (await answersOf('tell', candidates))
  // A candidate that has answered may be away when the round runs again.
  const told = telling && (await context.decide('told', () => telling.answers, isTold, { durable: true }))
  const choose = async () => select.select(await present(), context.random(round, 'select'), memory, told)
  const selected = await context.decide('selected', choose, isStrings)
  if (telling && selected.length === 0)
    requireAnswers(round, candidates.length, { clients: telling.answers, refusals: telling.refusals })
  if (strategy.server.hear) {
    const { answers, refusals: unanswered } = await answersOf('query', selected)
    requireAnswers(round, selected.length, { clients: answers, refusals: unanswered })
    strategy.server.hear(server, answers)
  }
  const terms = termsNow()
  const rooted = strategy.server.train?.({ end: context.end, round, weights, terms }, context.learner)
  // A fault is thrown once the clients' contributions are there.
  rooted?.catch(() => {})
  const assignment = {
    type: 'train',
    round,
    weights: sent,
    terms,
    selected,
    ...(counted && {
      counted: lastRounds(selected, (end) => counted[end] ?? trainers.population?.lastCounted(end)),
    }),
    ...wait,
  } as const
  const { sum, refusals, asked, anew: begun, reports } = await gather(assignment, context, { pairs })
  requireEnough({ round, selected: selected.length, sum, refusals }, waiting.minimumUpdates)
  const root = await rooted
  const finished = (reports ?? told) && { round, selected, reports: reports ?? {}, ...(told && { told }) }
  const found = { sum, server, root, ...(begun && { anew: begun }), ...(finished && { finished }) }
  if (sum.members.length === selected.length) return found
  // A round that runs again may find other ends there.
  const find = () => withoutPart({ selected, sum, refusals, asked }, trainers)
  return { ...found, notCounted: await context.decide('not counted', find, isNotCounted) }
}

function withoutPart(
  {
    selected,
    sum,
    refusals,
    asked,
  }: {
    readonly selected: readonly string[]
    readonly sum: RoundSum
    readonly refusals: readonly Refusal[]
    readonly asked: ReadonlyMap<string, string>
  },
  below: TopContext['channels']['trainers'],
): NotCounted[] {
  const counted = new Set(sum.members)
  const refused = new Map(refusals.map(({ end, code }) => [end, code]))
  return selected
    .filter((end) => !counted.has(end))
    .toSorted()
    .map((end): NotCounted => {
      const code = refused.get(end)
      if (code !== undefined) return { end, reason: 'refused', code }
      // A trainer is there, and lost to this round, if its aggregator has left.
      return { end, reason: isBelow(below, end) && below.has(asked.get(end) ?? end) ? 'late' : 'gone' }
    })
}

/** By end: the last round that counted it, of the ends that one has counted. */
function lastRounds(
  ends: readonly string[],
  lastCounted: (end: string) => number | undefined,
): Readonly<Record<string, number>> {
  const rounds = ends.flatMap((end) => {
    const last = lastCounted(end)
    return last === undefined ? [] : [[end, last] as const]
  })
  return Object.fromEntries(rounds)
}

/** Metrics over the clients' own evaluations, in rounds after which clients evaluate; otherwise none. */
async function clientMetrics(
  round: number,
  weights: Float32Array,
  lastCounted: ((end: string) => number | undefined) | undefined,
  context: TopContext,
): Promise<Readonly<Record<string, number>>> {
  const { strategy, channels, notice, learner } = context
  const { clientEvaluation: every, waiting } = strategy
  if (every === undefined || round % every !== 0) return {}
  const { trainers } = channels
  const choose = () => trainersBelow(trainers)
  const selected = await context.decide('evaluating', choose, isStrings)
  const { clients, refusals } = await gatherEvaluations(
    {
      type: 'evaluate',
      round,
      weights: sentWeights(sharedPart(strategy.aggregation, learner.layout), weights),
      selected,
      ...(strategy.client.personal && lastCounted && { counted: lastRounds(selected, lastCounted) }),
      ...(await waitingTime(waiting, trainers)),
    },
    context,
  )
  const [first] = refusals
  if (first) {
    const how = `${refusals.length} of ${selected.length} clients could not evaluate round ${round}`
    notice({ code: first.code, message: `${how}, the first ${first.end}: ${first.reason}` })
  }
  return evaluationSummary(clients)
}

/**
 * Time to wait for the ends below: one deadline for each level, since an aggregator below waits for its own deadline
 * first.
 */
async function waitingTime(
  waiting: Waiting,
  below: TopContext['channels']['trainers'],
): Promise<{ readonly waitMs?: number }> {
  if (waiting.kind !== 'quorum' || waiting.deadlineMs === undefined) return {}
  return { waitMs: waiting.deadlineMs * (1 + (await levelsBelow(below))) }
}
