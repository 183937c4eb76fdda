import { CodedError, isStrings } from '../../../runtime/index.ts'
import { learnError } from '../../learn/errors.ts'
import type { RoundSum } from '../../strategy/round-sum.ts'
import { gathered, overlaid } from '../../strategy/shared-part.ts'
import type { Channel } from '../channel/channel.ts'
import type { RoleContext } from '../role.ts'
import { requireEnough } from './aggregate.ts'
import { type Attempt, attemptNumber, isOf } from './attempt.ts'
import type { Refusal } from './round-protocol.ts'
import { splitError } from './split-errors.ts'
import type { SplitPlan } from './split-plan.ts'
import {
  type BottomAnswer,
  type BottomAssignment,
  lifeProperty,
  type TopAnswer,
  type TopRequest,
} from './split-protocol.ts'

export type SplitAggregatorContext = RoleContext<{
  readonly trainers: Channel<BottomAssignment, BottomAnswer>
  readonly server: Channel<TopRequest, TopAnswer>
}>

export interface SplitRound {
  readonly round: number
  readonly selected: readonly string[]
  readonly weights: Float32Array
  readonly plan: SplitPlan
}

/** The outcome of a round's last attempt. */
export interface SplitOutcome {
  /** The contributions of the counted clients, with zeros for the server's part. */
  readonly sum: RoundSum
  /** How far the server's part has moved. */
  readonly top: Float32Array
  /** How far the clients' part has moved, where they hand it on. Absent: by the mean of the contributions. */
  readonly bottom?: Float32Array
  readonly refusals: readonly Refusal[]
}

/** The clients of the next attempt, in their order. */
type Again = { readonly again: readonly string[] }

/** The findings of a round's attempts so far. */
interface Findings {
  readonly refusals: Map<string, Refusal>
  /** The decided members: an attempt that counts others is void. */
  members: readonly string[] | undefined
}

/**
 * Lets the selected clients train with the server, and sums their parts until the quorum or the deadline. The server
 * then gives its part as these clients alone have trained it.
 *
 * An attempt is void, and another begins, when the server has restarted, or can't give such a part: where clients train in
 * turns, after a client that isn't counted has trained. Decision: the members, durable before the server hears of them. A round that
 * runs again counts the same members; when one of these has left for good, another decision supersedes the first.
 */
export async function splitAttempts(asked: SplitRound, context: SplitAggregatorContext): Promise<SplitOutcome> {
  const { round, selected, plan } = asked
  const life = await context.life()
  const found: Findings = { refusals: new Map(), members: undefined }
  let order = plan.isInTurns ? shuffled(selected, context, round) : selected
  for (let index = 0; ; index++) {
    const attempt = { round, attempt: attemptNumber(life, index) }
    const outcome = await tried(attempt, order, found, asked, context)
    if ('sum' in outcome) return outcome
    order = outcome.again.filter((end) => !found.refusals.has(end))
  }
}

/** The order in which clients train one part: a rule, drawn from (seed, round, 'order'). */
function shuffled(ends: readonly string[], { jobRandom }: SplitAggregatorContext, round: number): readonly string[] {
  const places = jobRandom(round, 'order').shuffle(Uint32Array.from(ends, (_, index) => index))
  return Array.from(places, (place) => ends[place] ?? '')
}

async function tried(
  attempt: Attempt,
  order: readonly string[],
  findings: Findings,
  { round, selected, weights, plan }: SplitRound,
  { channels: { trainers, server }, strategy, decide, end: self, notice, roundSum }: SplitAggregatorContext,
): Promise<SplitOutcome | Again> {
  const { refusals } = findings
  const { waiting, client } = strategy
  const { ofClients, ofServer, clientSize, serverSize, isHandedOn } = plan
  const quorum = waiting.kind === 'quorum' ? waiting.quorum : 1
  const minimum = waiting.kind === 'quorum' ? waiting.minimumUpdates : 1
  const deadlineMs = waiting.kind === 'quorum' ? waiting.deadlineMs : undefined
  const [above = ''] = server.expected
  await server.awaitProperty([above], lifeProperty)
  const life = server.property(above, lifeProperty)
  const sum = roundSum()
  /** By counted client: its weight. */
  const counted = new Map<string, number>()
  let isClosing = false
  const start = gathered(weights, ofClients)
  /** The clients' part as it is handed on, and the index of the client that has it. */
  let handed = start
  let turn = -1

  server.send(above, { type: 'begin', ...attempt, order, weights: gathered(weights, ofServer) })
  if (!isHandedOn) trainers.broadcast({ type: 'train', ...attempt, weights: start }, order)
  const deadline = deadlineMs === undefined ? undefined : trainers.deadline(deadlineMs)
  try {
    for (;;) {
      if (!server.has(above)) throw splitError('ROLE_SPLIT_SERVER_LEFT', { end: self, round, server: above })
      const word = server.take(() => true)?.message
      if (word && isOf(attempt, word)) {
        if (word.type === 'top') {
          const moved = isHandedOn ? { bottom: handed.map((value, index) => value - (start[index] ?? 0)) } : {}
          return { sum, top: sized(word.delta, serverSize), ...moved, refusals: [...refusals.values()] }
        }
        for (const refusal of word.refusals) refuse(refusal)
        return again()
      }
      if (server.property(above, lifeProperty) !== life) return again()
      const arrival = isClosing ? undefined : trainers.take(() => true)
      if (arrival) {
        if (isOf(attempt, arrival.message) && isAwaited(arrival.end)) add(arrival.end, arrival.message)
        continue
      }
      if (isHandedOn) handOn()
      const next = isClosing ? 'wait' : await nextMove()
      if (next === 'wait') await Promise.race([trainers.changed(deadline), server.changed(deadline)])
      else if (next === 'close') {
        isClosing = true
        server.send(above, { type: 'close', ...attempt, members: Object.fromEntries(counted) })
      } else if (next !== 'look') return next
    }
  } finally {
    deadline?.cancel()
  }

  /** Whether a client's answer counts: a client that has started again answers twice. */
  function isAwaited(end: string): boolean {
    return order.indexOf(end) >= Math.max(0, turn) && !counted.has(end) && !refusals.has(end)
  }

  /** Gives the clients' part to the next client that is there, once the one that has had it is counted, refused or gone. */
  function handOn(): void {
    const before = turn
    const isDone = (end: string) => !isAwaited(end) || !trainers.has(end)
    while (turn < order.length && isDone(order[turn] ?? '')) turn += 1
    const end = order[turn]
    if (turn > before && end !== undefined) trainers.send(end, { type: 'train', ...attempt, weights: handed })
  }

  /** Whether to wait, to look again, to close the attempt, or to begin another one. */
  async function nextMove(): Promise<'wait' | 'look' | 'close' | Again> {
    const waits = order.some((end) => isAwaited(end) && trainers.has(end))
    const found = sum.members
    if (findings.members === undefined) {
      const isEnough = counted.size >= Math.ceil(quorum * selected.length - 1e-9) || deadline?.hasPassed
      if (waits && !isEnough) return 'wait'
      requireEnough({ round, selected: selected.length, sum, refusals: [...refusals.values()] }, minimum)
      findings.members = await decide('members', () => found, isStrings, { durable: true })
    }
    const { members } = findings
    if (members.join() === found.join()) return 'close'
    if (!order.every((end) => members.includes(end))) return again()
    if (waits) return 'wait'
    // Some of them have left, or are refused now.
    findings.members = undefined
    return 'look'
  }

  function again(): Again {
    const { members } = findings
    return { again: members ? order.filter((end) => members.includes(end)) : order }
  }

  function add(end: string, answer: BottomAnswer): void {
    try {
      if (answer.type === 'failed') return refuse({ end, ...answer })
      const { samples, metrics } = answer
      const weight = client.plain === 'equal' ? 1 : samples
      const delta = overlaid(new Float32Array(weights.length), sized(answer.delta, clientSize), ofClients)
      sum.add(end, { vectors: { delta }, weight, samples, metrics })
      counted.set(end, weight)
      if (isHandedOn) handed = handed.map((value, index) => value + (answer.delta[index] ?? 0))
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      refuse({ end, code: error.code, reason: error.message, hint: error.hint })
    }
  }

  function refuse({ end, code, reason, hint }: Refusal): void {
    refusals.set(end, { end, code, reason, hint })
    notice({ code, message: `${end} has no part in round ${round}: ${reason}` })
  }
}

/** @throws LEARN_WEIGHTS for values of another number. */
function sized(values: Float32Array, expected: number): Float32Array {
  if (values.length === expected) return values
  throw learnError('LEARN_WEIGHTS', { what: 'the movement of a part', expected, came: values.length })
}
