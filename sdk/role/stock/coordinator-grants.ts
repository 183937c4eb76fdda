import { fieldsOf, isCount, isString, isStrings } from '../../../runtime/index.ts'
import { namedPopulation } from '../../strategy/population.ts'
import { oneSelected } from '../../strategy/selectors/draws.ts'
import type { Channel } from '../channel/channel.ts'
import type { RoleContext } from '../role.ts'
import { type CoordinatedMessage, type CoordinatorMessage, isSeek } from './coordinator-protocol.ts'

/** The ends that an aggregator holds and seeks, by its last message. */
export type Seek = Omit<Extract<CoordinatedMessage, { type: 'seek' }>, 'type'>

/** The grants of a coordinator of an asynchronous algorithm. */
export interface Grants {
  /** Number of the last grant. */
  readonly number: number
  /** By end: the aggregator that it is granted to, and the number of the grant. */
  readonly held: Readonly<Record<string, { readonly to: string; readonly number: number }>>
  /** By aggregator. */
  readonly seeks: Readonly<Record<string, Seek>>
  /** The aggregators that seek ends, the one that has waited longest first. */
  readonly queue: readonly string[]
  /** Grants from this number on may not have been told in this life. */
  readonly untold: number
}

type Coordinated = Channel<CoordinatorMessage, CoordinatedMessage>

interface Level {
  /** The aggregators that seek ends. */
  readonly above: Coordinated
  /** The ends that are granted to them. */
  readonly below: Coordinated
}

export const noGrants: Grants = { number: 0, held: {}, seeks: {}, queue: [], untold: 1 }

export function isGrants(value: unknown): value is Grants {
  const { number, held, seeks, queue, untold } = fieldsOf(value)
  return (
    isCount(number) &&
    isCount(untold) &&
    isStrings(queue) &&
    Object.values(fieldsOf(seeks)).every(isSeek) &&
    Object.values(fieldsOf(held)).every((one) => isString(fieldsOf(one).to) && isCount(fieldsOf(one).number))
  )
}

/**
 * Grants free ends to the aggregators that seek them, one after the other; undefined at the end of the training. A grant
 * is part of the returned state, and is told once that state is durable. It ends when the aggregator says that it has
 * heard the grant and doesn't hold the end, or when either leaves. The end is drawn among the sorted free ones by the
 * stream of (job seed, number of the grant, `grant`).
 */
export async function grantEnds(
  before: Grants,
  levels: readonly Level[],
  { jobRandom, strategy: { select } }: RoleContext,
): Promise<Grants | undefined> {
  const seeks = new Map(Object.entries(before.seeks))
  const held = new Map(Object.entries(before.held))
  const told = new Set<string>()
  let queue = [...before.queue]
  let { number } = before
  for (const [end, grant] of held) if (grant.number >= before.untold) tell(end, grant)

  for (;;) {
    if (levels.some(({ above }) => above.take(({ message }) => message.type === 'end'))) return undefined
    for (const { above } of levels) hear(above)
    release()
    const first = number + 1
    while (grantNext());
    if (number >= first)
      return {
        number,
        held: Object.fromEntries(held),
        seeks: Object.fromEntries(seeks),
        queue,
        untold: first,
      }
    for (const aggregator of queue) tellNone(aggregator)
    await Promise.race(levels.flatMap(({ above, below }) => [above.changed(), below.changed()]))
  }

  function hear(above: Coordinated): void {
    for (;;) {
      const arrival = above.take(({ message }) => message.type === 'seek')
      if (!arrival) return
      const { end, message } = arrival
      if (message.type !== 'seek') continue
      const { type: _, ...seek } = message
      seeks.set(end, seek)
      told.delete(end)
      const isHeld = new Set(seek.holds)
      for (const [granted, grant] of held)
        if (grant.to === end && grant.number <= seek.seen && !isHeld.has(granted)) held.delete(granted)
      // The aggregator may have restarted before it heard of these.
      for (const [granted, grant] of held) if (grant.to === end && grant.number > seek.seen) tell(granted, grant)
      if (!queue.includes(end)) queue.push(end)
    }
  }

  function release(): void {
    for (const [end, { to }] of held) if (!levelOf(to)?.below.has(end)) held.delete(end)
    for (const aggregator of seeks.keys()) if (!levelOf(aggregator)) seeks.delete(aggregator)
    queue = queue.filter((aggregator) => (seeks.get(aggregator)?.most ?? 0) > heldBy(aggregator))
  }

  /** Grants an end to the first of the queue for which one is free, which then waits behind the others. */
  function grantNext(): boolean {
    for (const to of queue) {
      const level = levelOf(to)
      const { without = [], most = 0 } = seeks.get(to) ?? {}
      const free = (level?.below.ends() ?? []).filter((end) => !held.has(end) && !without.includes(end))
      const end = oneSelected(select, namedPopulation(free), jobRandom(number + 1, 'grant'))
      if (end === undefined) continue
      number += 1
      held.set(end, { to, number })
      queue = queue.filter((one) => one !== to)
      if (most > heldBy(to)) queue.push(to)
      return true
    }
    return false
  }

  function heldBy(aggregator: string): number {
    return [...held.values()].filter(({ to }) => to === aggregator).length
  }

  function levelOf(aggregator: string): Level | undefined {
    return levels.find(({ above }) => above.has(aggregator))
  }

  function tell(end: string, { to, number: granted }: { readonly to: string; readonly number: number }): void {
    levelOf(to)?.above.send(to, { type: 'granted', number: granted, end }, { keep: 'until-acknowledged' })
  }

  /** Tells an aggregator, once for each seek, that no end is there that could be granted to it. */
  function tellNone(aggregator: string): void {
    const level = levelOf(aggregator)
    const seek = seeks.get(aggregator)
    if (!level || !seek || told.has(aggregator)) return
    if (level.below.ends().some((end) => !seek.without.includes(end))) return
    told.add(aggregator)
    level.above.send(aggregator, { type: 'none', without: seek.without.length }, { keep: 'until-acknowledged' })
  }
}
