import { CodedError } from '../../../runtime/index.ts'
import { awaitedOf } from '../../strategy/algorithm.ts'
import { namedPopulation } from '../../strategy/population.ts'
import type { RoundPartial } from '../../strategy/round-sum.ts'
import type { Channel } from '../channel/channel.ts'
import { isNotCounted } from '../not-counted.ts'
import { type NotCounted, type RoleContext, role } from '../role.ts'
import { prefixed, requireEnough } from './aggregate.ts'
import { clientWork } from './client-work.ts'
import { type RingMessage, type RingModel, ringChannel } from './ring-protocol.ts'
import { ringRound } from './ring-round.ts'

interface RingState {
  /** Number of committed rounds. */
  readonly round: number
  readonly rounds: number
  readonly weights: Float32Array
  /** State of the algorithm's server part. */
  readonly server: unknown
  /** The last round that counted this end. */
  readonly counted?: number
  /** Who has published the last round, and the round's record. */
  readonly last?: Omit<RingModel, 'weights' | 'server'>
  /** All other ends have the last round's model. */
  readonly closed: boolean
}

type RingContext = RoleContext<{ readonly ring: Channel<RingMessage, RingMessage> }>

/** Property of an end that has committed the job's last round: the round's number. */
const lastProperty = 'last round'

/**
 * Trains in each round, sums the contributions with the other ends of the ring, and steps: all ends have the same
 * weights. There is no aggregator; the round's committer, the first end of those that are there, records the model.
 * Selection, quorum and deadline are the algorithm's; an end that isn't selected, or whose training failed, sums
 * without a contribution.
 */
export const ringTrainer = role({
  name: 'ring-trainer',
  open: (channel) => ({ ring: channel(ringChannel) }),
  async init({ learner, strategy: { server }, settings }): Promise<RingState> {
    const weights = await learner.initialWeights()
    return { round: 0, rounds: settings.rounds, weights, server: server.init(learner.layout), closed: false }
  },
  isState: (value): value is RingState =>
    typeof value === 'object' &&
    value !== null &&
    'weights' in value &&
    value.weights instanceof Float32Array &&
    'closed' in value,
  resume: (state, { settings }) => ({ ...state, rounds: settings.rounds, closed: false }),
  done: ({ closed }) => closed,

  async round(state, context) {
    const {
      end: self,
      channels: { ring },
      strategy: { select, waiting, server },
      settings,
    } = context
    await ring.awaitJoin()
    if (state.round >= state.rounds) return close(state, context)
    const round = state.round + 1
    const ends = [...ring.expected, self].toSorted()
    const selected = select.select(namedPopulation(ends), context.jobRandom(round, 'select'))
    const own = await contributed(round, state, selected.includes(self), context)
    const enough = waiting.kind === 'quorum' ? awaitedOf(waiting, selected.length) : selected.length
    const outcome = await ringRound(
      ring,
      {
        round,
        purpose: `round ${round}`,
        own,
        ends,
        enough: enough < selected.length ? enough : undefined,
        deadlineMs: waiting.kind === 'quorum' ? waiting.deadlineMs : undefined,
        behind: (end) => giveModel(end, state, context),
        wantsModel: true,
      },
      context,
    )
    if (outcome.type === 'missed' || outcome.type === 'over') return state
    if (outcome.type === 'model') return adopted(state, outcome, context)

    const { part, committer } = outcome
    const sum = context.roundSum()
    sum.merge(committer, part)
    const { members } = sum
    requireEnough(
      { round, selected: selected.length, sum, refusals: [] },
      waiting.kind === 'quorum' ? waiting.minimumUpdates : 1,
    )
    const weights = state.weights.slice()
    const serverState = structuredClone(state.server)
    server.step(
      weights,
      sum.aggregate({ round, population: settings.clients }),
      serverState,
      context.jobRandom(round, 'step'),
    )
    const told = { members, ...(part.anew && { anew: part.anew }), metrics: prefixed('train', sum.metrics.means()) }
    if (committer === self) {
      await publishAgain(state, context)
      await publish({ round, weights, ...told }, selected, context)
    }
    const counted = members.includes(self) ? { counted: round } : {}
    return { ...state, ...counted, round, weights, server: serverState, last: { committer, ...told } }
  },
})

/** This end's contribution as a sum. Empty if the end isn't selected, or if its training fails or is refused. */
async function contributed(
  round: number,
  { weights, server, counted }: RingState,
  isSelected: boolean,
  context: RingContext,
): Promise<RoundPartial> {
  const { end, strategy, roundSum, notice } = context
  const sum = roundSum()
  let anew: readonly string[] | undefined
  try {
    if (isSelected) {
      const terms = strategy.server.assign?.(server, round) ?? {}
      const { contribution, isAnew } = await clientWork({ round, weights, terms, counted }, context)
      sum.add(end, contribution)
      if (isAnew) anew = [end]
    }
  } catch (error) {
    if (context.signal.aborted || !(error instanceof CodedError)) throw error
    notice({ code: error.code, message: `${end} has no part in round ${round}: ${error.message}` })
  }
  await sum.settle()
  return { ...sum.partial(), ...(anew && { anew }) }
}

function giveModel(
  end: string,
  { round, weights, server, last }: RingState,
  { channels: { ring } }: RingContext,
): void {
  if (last) ring.send(end, { type: 'model', round, model: { weights, server, ...last } })
}

async function adopted(
  state: RingState,
  { round, model }: Extract<RingMessage, { type: 'model' }>,
  context: RingContext,
): Promise<RingState> {
  const { weights, server, ...last } = model
  // This end has committed the round, and was interrupted before it had published.
  if (last.committer === context.end) await publish({ round, weights, ...last }, last.members, context)
  const counted = last.members.includes(context.end) ? { counted: round } : {}
  return { ...state, ...counted, round, weights, server, last }
}

async function publish(
  {
    round,
    weights,
    members,
    anew,
    metrics,
  }: Pick<RingState, 'round' | 'weights'> & Omit<RingModel, 'server' | 'committer'>,
  selected: readonly string[],
  context: RingContext,
): Promise<void> {
  const { ring } = context.channels
  const withoutPart = (): NotCounted[] =>
    selected
      .filter((end) => !members.includes(end))
      .map((end) => ({ end, reason: end === context.end || ring.has(end) ? 'late' : 'gone' }))
  const notCounted =
    members.length === selected.length
      ? undefined
      : await context.decide(`not counted in ${round}`, withoutPart, isNotCounted)
  const { metrics: evaluated, whyNotFinite } = await context.learner.evaluate(weights)
  context.publish({
    round,
    weights,
    members,
    ...(notCounted && { notCounted }),
    ...(anew && { anew }),
    metrics: { ...metrics, ...evaluated },
    ...(whyNotFinite === undefined ? {} : { whyNotFinite }),
  })
}

/** Publishes the last round if its committer has left, who may not have come to do so. */
async function publishAgain({ round, weights, last }: RingState, context: RingContext): Promise<void> {
  const { end: self, channels } = context
  if (!last || last.committer === self) return
  const isGone = await context.decide(
    'the last committer has left',
    () => !channels.ring.has(last.committer),
    isBoolean,
  )
  if (isGone) await publish({ round, weights, ...last }, last.members, context)
}

/** Waits until all other ends have the last round's model, and gives it to those that ask. */
async function close(state: RingState, context: RingContext): Promise<RingState> {
  const { end: self, strategy, channels } = context
  const { ring } = channels
  const { waiting } = strategy
  ring.setProperty(lastProperty, state.round)
  const deadline =
    waiting.kind === 'quorum' && waiting.deadlineMs !== undefined ? ring.deadline(waiting.deadlineMs) : undefined
  const isBehind = (end: string) => Number(ring.property(end, lastProperty) ?? 0) < state.round
  for (;;) {
    if (deadline?.hasPassed || !ring.ends().some(isBehind)) break
    const arrival = ring.take(() => true)
    if (!arrival) await ring.changed(deadline)
    else if (['ready', 'want'].includes(arrival.message.type)) giveModel(arrival.end, state, context)
  }
  deadline?.cancel()
  if (ring.ends().every((end) => end > self)) await publishAgain(state, context)
  return { ...state, closed: true }
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}
