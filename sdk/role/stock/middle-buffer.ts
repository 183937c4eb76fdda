import { fieldsOf, isCount, isObject } from '../../../runtime/index.ts'
import type { Contribution, Waiting } from '../../strategy/algorithm.ts'
import type { Channel } from '../channel/channel.ts'
import type { RoleContext } from '../role.ts'
import { type Flight, fillBuffer, isFlight, noFlight } from './buffer-round.ts'
import type { Answer, Assignment } from './round-protocol.ts'

/** A buffer that was sent up, kept until the aggregator above has committed the version that counts it. */
interface SentBuffer {
  /** The dispatch that the buffer answers. */
  readonly dispatch: number
  readonly contribution: Contribution
  /** The version in which the aggregator above took the buffer. Absent until its next assignment says so. */
  readonly takenIn?: number
}

/** The state of a middle aggregator of an asynchronous algorithm. */
export interface MiddleFlight {
  /** The work in progress at the ends below. */
  readonly flight: Flight
  readonly sent: readonly SentBuffer[]
}

const noMiddleFlight: MiddleFlight = { flight: noFlight, sent: [] }

/** Most dispatches of one buffer, so that no two aggregators with the same trainers use a number twice. */
const mostDispatches = 2 ** 20

export function isMiddleFlight(value: unknown): value is MiddleFlight {
  const { flight, sent } = fieldsOf(value)
  return (
    isFlight(flight) && Array.isArray(sent) && sent.every((one) => isObject(one) && isCount(fieldsOf(one).dispatch))
  )
}

/** After a restart: asks for the work in progress again. */
export function restarted({ flight, sent }: MiddleFlight): MiddleFlight {
  return { flight: { ...flight, again: true }, sent }
}

/**
 * Fills a buffer of an asynchronous algorithm between trainers and the top: U = (1/K) Σ s(τ) Δ over the next K updates,
 * whose staleness τ counts versions of the top since their weights. U is sent up as the contribution of one end, which
 * the top weighs by its own staleness. Trainers still at work are counted in the next buffer. A dispatch that was
 * answered before is answered again with the same buffer. No contribution once the training is over.
 */
export async function answerBuffer(
  { round: dispatch, weights, terms, version = 0 }: Extract<Assignment, { type: 'train' }>,
  buffer: Extract<Waiting, { kind: 'buffer' }>,
  { flight, sent }: MiddleFlight = noMiddleFlight,
  context: RoleContext<{ readonly trainers: Channel<Assignment, Answer> }>,
  above: Parameters<typeof fillBuffer>[4],
): Promise<{ readonly contribution?: Contribution; readonly next: MiddleFlight }> {
  const again = sent.find((one) => one.dispatch === dispatch)
  if (again) return { contribution: again.contribution, next: { flight, sent } }
  const from = { ...flight, dispatch: Math.max(flight.dispatch, dispatch * mostDispatches) }
  const assignment = (number: number, start: Float32Array, of: number) =>
    ({ type: 'train', round: number, weights: start, terms, selected: [], version: of }) as const
  const filled = await fillBuffer({ version, weights, flight: from }, buffer, context, assignment, above)
  if (filled.arrivals.length < buffer.size) return { next: { flight: filled.flight, sent } }
  const { sum } = filled
  const aggregate = sum.aggregate({ round: dispatch, population: context.settings.clients })
  const mean = (vector: string) => aggregate.sum(vector).map((value) => value / buffer.size)
  const { delta, ...others } = context.strategy.aggregation.vectors
  const contribution = {
    vectors: {
      ...Object.fromEntries(Object.keys(others).map((vector) => [vector, mean(vector)] as const)),
      ...(delta && { delta: mean('delta') }),
    },
    scalars: aggregate.scalars,
    weight: 1,
    samples: filled.arrivals.length,
    metrics: sum.metrics.means(),
  }
  // An assignment of a later version shows that the versions before are committed.
  const kept = sent
    .map((one) => ({ ...one, takenIn: one.takenIn ?? version }))
    .filter(({ takenIn }) => takenIn >= version)
  const next = { flight: filled.flight, sent: [...kept, { dispatch, contribution }] }
  return { contribution, next }
}
