import type { Arrival, Channel } from '../channel/channel.ts'
import { roleError } from '../errors.ts'
import type { ToCoordinator } from './coordinated.ts'
import type { CoordinatorMessage } from './coordinator-protocol.ts'
import type { Answer, Assignment } from './round-protocol.ts'

/** An end that the coordinator has granted, and the number of the grant. */
export interface GrantedEnd {
  readonly end: string
  readonly number: number
}

/** The ends that a coordinator grants to an asynchronous aggregator. */
export interface GrantedEnds {
  /** Number of the last grant that was heard. */
  readonly seen: number
  /**
   * Tells the coordinator, if it doesn't know, which ends the aggregator works with, how many it wants in all, and which
   * it doesn't want. All other ends that it has heard of are given back.
   */
  seek(holds: readonly string[], most: number, without: readonly string[]): void
  /** Whether a grant has come. */
  readonly isWaiting: boolean
  /** Takes the next grant. Undefined if none has come. */
  next(): GrantedEnd | undefined
  /** Notes that a grant was heard in an interrupted run. */
  heard(number: number): void
  /** Whether no end is there besides those that the aggregator doesn't want. */
  isNone(without: readonly string[]): boolean
  /** @throws ROLE_COORDINATOR_LEFT */
  requireCoordinator(round: number, end: string): void
  changed(): Promise<void>
}

/** Speaks with the coordinator. `seen`: number of the last grant that was heard in earlier rounds. */
export function grantedEnds(coordinator: ToCoordinator, from: number): GrantedEnds {
  const [first = ''] = coordinator.expected
  let seen = from
  let said = ''
  const isNew = ({ message }: Arrival<CoordinatorMessage>) => message.type === 'granted' && message.number > seen
  return {
    get seen() {
      return seen
    },
    get isWaiting() {
      return coordinator.find(isNew) !== undefined
    },
    seek(holds, most, without) {
      const seek = { type: 'seek', seen, holds: holds.toSorted(), most, without } as const
      const saying = JSON.stringify(seek)
      if (saying === said) return
      said = saying
      while (coordinator.take(({ message }) => message.type === 'granted' && message.number <= seen));
      coordinator.send(first, seek, { keep: 'until-acknowledged' })
    },
    next() {
      const message = coordinator.take(isNew)?.message
      if (message?.type !== 'granted') return undefined
      seen = message.number
      return { end: message.end, number: message.number }
    },
    heard(number) {
      seen = Math.max(seen, number)
    },
    isNone: (without) =>
      coordinator.take(({ message }) => message.type === 'none' && message.without === without.length) !== undefined,
    requireCoordinator(round, end) {
      if (!coordinator.has(first)) throw roleError('ROLE_COORDINATOR_LEFT', { end, round })
    },
    changed: () => coordinator.changed(),
  }
}

/**
 * Takes the next assignment of an aggregator whose buffer has been sent. Meanwhile gives ends back: those that it is
 * granted too late, and those whose answers have come, though the answers wait for the next buffer.
 */
export async function grantedAssignment(
  aggregator: Channel<Answer, Assignment>,
  trainers: Channel<Assignment, Answer>,
  grants: GrantedEnds,
  underWay: readonly { readonly end: string; readonly dispatch: number }[],
): Promise<Arrival<Assignment>> {
  for (;;) {
    const arrival = aggregator.take(() => true)
    if (arrival) return arrival
    while (grants.next());
    const isAtWork = ({ end, dispatch }: (typeof underWay)[number]) =>
      !trainers.find(({ end: from, message }) => from === end && 'round' in message && message.round === dispatch)
    const atWork = underWay.filter(isAtWork)
    grants.seek(
      atWork.map(({ end }) => end),
      0,
      [],
    )
    await Promise.race([aggregator.changed(), trainers.changed(), grants.changed()])
  }
}
