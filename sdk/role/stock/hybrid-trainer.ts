import { CodedError } from '../../../runtime/index.ts'
import type { Contribution } from '../../strategy/algorithm.ts'
import type { Arrival, Channel } from '../channel/channel.ts'
import { type RoleContext, role } from '../role.ts'
import { evaluatedBy } from './client-evaluation.ts'
import { clientWork } from './client-work.ts'
import { type RingMessage, ringChannel } from './ring-protocol.ts'
import { type RingOutcome, ringRound } from './ring-round.ts'
import { type Answer, type Assignment, above, type Refusal } from './round-protocol.ts'

interface HybridState {
  readonly ended: boolean
  /** The last round that this end's ring has committed, or that this end has answered by itself. */
  readonly last?: {
    readonly round: number
    /** Names the request for the round in the ring. */
    readonly request: number
    readonly attempt: number
    /** The trainers whose contributions the ring's sum includes. */
    readonly members: readonly string[]
  }
}

type HybridContext = RoleContext<{
  readonly aggregator: Channel<Answer, Assignment>
  readonly ring: Channel<RingMessage, RingMessage>
}>
type Train = Extract<Assignment, { type: 'train' }>

/** Above the names of an aggregator's lives, so that requests of later rounds have greater names. */
const mostAsked = 2 ** 30

/**
 * Trains for each assignment, and sums with the selected trainers of its ring. The ring's committer answers with the
 * partial sum, the others that they are covered. A trainer that came too late for its ring answers with its own
 * contribution. When an aggregator repeats a round, the ring sums the same members.
 */
export const hybridTrainer = role({
  name: 'hybrid-trainer',
  open: (channel) => ({ aggregator: channel(above), ring: channel(ringChannel) }),
  init: (): HybridState => ({ ended: false }),
  isState: (value): value is HybridState => typeof value === 'object' && value !== null && 'ended' in value,
  // The aggregator above sends the end of training again.
  resume: (state) => ({ ...state, ended: false }),
  done: ({ ended }) => ended,

  async round(state, context) {
    const { channels } = context
    await channels.ring.awaitJoin()
    const { end, message } = await newestAssignment(state, context)
    if (message.type === 'end-of-training') return { ...state, ended: true }
    const answer = (given: Answer) => channels.aggregator.send(end, given, { keep: false })
    if (message.type === 'train') return train(state, message, answer, context)
    try {
      answer(await evaluatedBy(message, context))
    } catch (error) {
      answer(failure(message.type, message.round, error))
    }
    return state
  },
})

async function train(
  state: HybridState,
  message: Train,
  answer: (given: Answer) => void,
  context: HybridContext,
): Promise<HybridState> {
  const { end: self, channels, strategy } = context
  const { round, selected, asked = 0 } = message
  const request = round * mostAsked + asked
  const again = state.last?.round === round ? state.last : undefined
  const here = [...channels.ring.expected, self].toSorted()
  const wanted = new Set(again ? again.members : selected)
  const { contribution, isAnew, fault } = await trained(message, context)
  const alone = { ...state, last: { round, request, attempt: 0, members: again?.members ?? [] } }
  const answerAlone = () => {
    if (contribution) answer({ type: 'contribution', round, contribution, ...(isAnew && { isAnew }) })
    else if (fault) answer(fault)
    return alone
  }
  if (!wanted.has(self) || again?.request === request) return answerAlone()

  const sum = context.roundSum()
  const refusals: Refusal[] = []
  try {
    if (contribution) sum.add(self, contribution)
    else if (fault) refusals.push(refusalOf(self, fault))
  } catch (error) {
    if (!(error instanceof CodedError)) throw error
    const { code, message: reason, hint = '' } = error
    refusals.push({ end: self, code, reason, hint })
  }
  await sum.settle()
  const own = { ...sum.partial(), ...(isAnew && sum.members.length > 0 && { anew: [self] }) }
  const { waiting } = strategy
  const outcome: RingOutcome = await ringRound(
    channels.ring,
    {
      round: request,
      purpose: `round ${round}`,
      own,
      ends: here.filter((end) => wanted.has(end)),
      deadlineMs: waiting.kind === 'quorum' ? waiting.deadlineMs : undefined,
      behind: (end) => tellCommitted(end, state, context),
      wantsModel: false,
      beforeCommit: (part) => answer({ type: 'partial', round, part, refusals }),
      above: {
        isOver: () => channels.aggregator.find(() => true) !== undefined,
        changed: () => channels.aggregator.changed(),
      },
    },
    context,
  )
  if (outcome.type === 'over' || outcome.type === 'model') return state
  const { attempt } = outcome
  const members = outcome.type === 'summed' ? outcome.part.members : outcome.members
  const next = { ...state, last: { round, request, attempt, members } }
  if (outcome.type === 'summed' && outcome.committer === self) return next
  if (members.includes(self)) answer({ type: 'covered', round })
  // A held delta has gone into the sum, so the end's own part of the sum is sent.
  else answer({ type: 'partial', round, part: own, refusals })
  return next
}

/**
 * Takes the newest assignment. Meanwhile tells ends of the ring that were interrupted that their round has been
 * committed.
 */
async function newestAssignment(state: HybridState, context: HybridContext): Promise<Arrival<Assignment>> {
  const { aggregator, ring } = context.channels
  for (;;) {
    let arrival = aggregator.take(() => true)
    for (let next = arrival; next; next = aggregator.take(() => true)) arrival = next
    if (arrival) return arrival
    const late = ring.take(({ message }) => state.last !== undefined && message.round <= state.last.request)
    if (!late) await Promise.race([aggregator.changed(), ring.changed()])
    else if (['ready', 'want'].includes(late.message.type)) tellCommitted(late.end, state, context)
  }
}

function tellCommitted(end: string, { last }: HybridState, { channels }: HybridContext): void {
  if (!last) return
  const { request, attempt, members } = last
  channels.ring.send(end, { type: 'commit', round: request, attempt, members })
}

/** Trains. The fault, as an answer, if the training fails. */
async function trained(
  { round, weights, terms, counted }: Train,
  context: HybridContext,
): Promise<{
  readonly contribution?: Contribution
  readonly isAnew?: boolean
  readonly fault?: Extract<Answer, { type: 'failed' }>
}> {
  try {
    return await clientWork({ round, weights, terms, counted: counted?.[context.end] }, context)
  } catch (error) {
    if (context.signal.aborted) throw error
    return { fault: failure('train', round, error) }
  }
}

/** An answer for a coded error; throws any other error. */
function failure(
  asked: 'train' | 'evaluate' | 'tell' | 'query',
  round: number,
  error: unknown,
): Extract<Answer, { type: 'failed' }> {
  if (!(error instanceof CodedError)) throw error
  const { code, message: reason, hint = 'see the log of that end' } = error
  return { type: 'failed', asked, round, code, reason, hint }
}

function refusalOf(end: string, { code, reason, hint = '' }: Extract<Answer, { type: 'failed' }>): Refusal {
  return { end, code, reason, hint }
}
