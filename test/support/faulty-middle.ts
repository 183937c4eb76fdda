import type { AnyRole, RoleContext } from '../../sdk/role/role.ts'
import { middleAggregator } from '../../sdk/role/stock/middle-aggregator.ts'
import { changed, inContext } from './changed-role.ts'

/** The stock middle aggregator, with code that throws at these ends in a round of the job, and in later ones. */
export function faultyMiddle(throwsFrom: Readonly<Record<string, number>>): AnyRole {
  const sums = new Map<string, number>()
  return inContext(middleAggregator, (context) => changed(context, { roundSum: () => roundSum(context) }))

  /** Throws once the group's trainers are at work. */
  function roundSum({ end, roundSum }: RoleContext): ReturnType<RoleContext['roundSum']> {
    const count = (sums.get(end) ?? 0) + 1
    sums.set(end, count)
    if (count >= (throwsFrom[end] ?? Number.POSITIVE_INFINITY)) throw new Error(`${end} is broken`)
    return roundSum()
  }
}
