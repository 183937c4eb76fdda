import { fieldsOf, isCount, isMissingOr, isObject, isString, isStrings } from '../../../runtime/index.ts'
import { areCounted } from '../../registry/registry.ts'
import type { Waiting } from '../../strategy/algorithm.ts'
import type { Arrival, Channel } from '../channel/channel.ts'
import type { RoleContext } from '../role.ts'
import { type BegunBuffer, type BufferSurroundings, fillBuffer } from './buffer-round.ts'
import { type Flight, isFlight, noFlight } from './flight.ts'
import { type Answer, type Assignment, isRoundPartial } from './round-protocol.ts'

type Training = Extract<Assignment, { type: 'train' }>
type PartialAnswer = Extract<Answer, { type: 'partial' }>

/** A buffer that was sent up, kept until the aggregator above has committed the version that counts it. */
interface SentBuffer {
  /** `round` is the dispatch that the buffer answers. */
  readonly answer: PartialAnswer
  /** The version in which the aggregator above took the buffer. Absent until its next assignment says so. */
  readonly takenIn?: number
}

/** The state of a middle aggregator of an asynchronous algorithm. */
export interface MiddleFlight {
  /** The work in progress at the ends below. */
  readonly flight: Flight
  readonly sent: readonly SentBuffer[]
  /** A buffer that isn't full, at which the aggregator rests. */
  readonly open?: OpenBuffer
}

/** A buffer that isn't full, and the assignment that asked for it. */
interface OpenBuffer extends Arrival<Training> {
  readonly begun: BegunBuffer
}

/**
 * Property of an aggregator whose host wants those below to commit what they have, such as for a checkpoint: each new value
 * asks for one rest. A rest changes no bit of a result.
 */
export const restProperty = 'rest'

export const noMiddleFlight: MiddleFlight = { flight: noFlight, sent: [] }

/** Most dispatches of one buffer, so that no two aggregators with the same trainers use a number twice. */
const mostDispatches = 2 ** 20

export function isMiddleFlight(value: unknown): value is MiddleFlight {
  const { flight, sent, open } = fieldsOf(value)
  return (
    isFlight(flight) &&
    isMissingOr(open, isOpenBuffer) &&
    Array.isArray(sent) &&
    sent.map((one) => fieldsOf(fieldsOf(one).answer)).every(({ round, part }) => isCount(round) && isRoundPartial(part))
  )
}

function isOpenBuffer(value: unknown): value is OpenBuffer {
  const { end, message, begun } = fieldsOf(value)
  const { part, arrivals, failed } = fieldsOf(begun)
  return isString(end) && isObject(message) && isRoundPartial(part) && areCounted(arrivals) && isStrings(failed)
}

/** After a restart: asks for the work in progress again. */
export function restarted({ flight, ...others }: MiddleFlight): MiddleFlight {
  return { ...others, flight: { ...flight, again: true } }
}

/**
 * Fills a buffer of an asynchronous algorithm between trainers and the top, and answers with the exact partial sum
 * Σ s(τ) Δ over the next K updates, whose staleness τ counts versions of the top since their weights. The aggregator above
 * weighs the sum by its own staleness; the top divides. Trainers still at work are counted in the next buffer. A dispatch
 * that was answered before is answered again with the same buffer. No answer once the training is over, nor for a rest,
 * after which the same assignment goes on.
 */
export async function answerBuffer(
  { end, message }: Arrival<Training>,
  buffer: Extract<Waiting, { kind: 'buffer' }>,
  { flight, sent, open }: MiddleFlight = noMiddleFlight,
  context: RoleContext<{ readonly trainers: Channel<Assignment, Answer> }>,
  surroundings: BufferSurroundings,
): Promise<{ readonly answer?: PartialAnswer; readonly next: MiddleFlight }> {
  const { round: dispatch, weights, terms, version = 0 } = message
  const again = sent.find(({ answer }) => answer.round === dispatch)
  if (again) return { answer: again.answer, next: { flight, sent } }
  const from = { ...flight, dispatch: Math.max(flight.dispatch, dispatch * mostDispatches) }
  const assignment = (number: number, start: Float32Array, of: number) =>
    ({ type: 'train', round: number, weights: start, terms, selected: [], version: of }) as const
  const size = buffer.sizeBelow ?? buffer.size
  const own = { ...buffer, size, weigh: buffer.weighBelow ?? buffer.weigh }
  const start = { version, weights, flight: from, begun: open?.begun }
  const filled = await fillBuffer(start, own, context, assignment, surroundings)
  const { sum, arrivals, anew, begun } = filled
  if (begun) return { next: { flight: filled.flight, sent, open: { end, message, begun } } }
  if (arrivals.length < size) return { next: { flight: filled.flight, sent } }
  const part = { ...sum.partial(), ...(anew && { anew }) }
  const answer: PartialAnswer = { type: 'partial', round: dispatch, part, refusals: [], arrivals }
  // An assignment of a later version shows that the versions before are committed.
  const kept = sent
    .map((one) => ({ ...one, takenIn: one.takenIn ?? version }))
    .filter(({ takenIn }) => takenIn >= version)
  return { answer, next: { flight: filled.flight, sent: [...kept, { answer }] } }
}
