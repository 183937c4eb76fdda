import { CodedError } from '../../../runtime/index.ts'
import type { Contribution } from '../../strategy/algorithm.ts'
import type { Accumulator } from '../../sum/accumulator.ts'
import { type MetricSum, metricSum } from '../../sum/exact-sums.ts'
import type { Channel } from '../channel/channel.ts'
import { isStrings } from '../guards.ts'
import type { RoleContext } from '../role.ts'
import { type Answer, type Assignment, type Refusal, trainersProperty } from './round-protocol.ts'

/** Of many ends with the same fault the first are named. */
const mostNamed = 3

/** What came of a round from below. */
interface Gathered {
  readonly sum: Accumulator
  readonly metrics: MetricSum
  /** Trainers whose updates are in the sum, sorted. */
  readonly members: readonly string[]
  readonly refusals: readonly Refusal[]
}

type Below = Channel<Assignment, Answer>

/** The trainers below, sorted: the channel's ends themselves, or those that the aggregators there have. */
export async function trainersBelow(channel: Below): Promise<readonly string[]> {
  await channel.awaitJoin()
  const ends = channel.ends()
  if (channel.othersHoldData) return ends
  await channel.awaitProperty(ends, trainersProperty)
  return ends.flatMap((end) => trainersOf(channel, end)).toSorted()
}

/** The ends of the channel that are, or have, one of these trainers. */
async function endsFor(selected: readonly string[], channel: Below): Promise<readonly string[]> {
  await channel.awaitJoin()
  if (channel.othersHoldData) return selected.filter((end) => channel.has(end))
  await channel.awaitProperty(channel.ends(), trainersProperty)
  const wanted = new Set(selected)
  return channel.ends().filter((end) => trainersOf(channel, end).some((trainer) => wanted.has(trainer)))
}

function trainersOf(channel: Below, end: string): readonly string[] {
  const trainers = channel.property(end, trainersProperty)
  return isStrings(trainers) ? trainers : []
}

/**
 * Distributes an assignment to those ends below that are, or have, selected trainers, and sums what comes back until the
 * quorum or the deadline. A refused or failed update doesn't count; the round goes on without it.
 * With `everyone`, it waits for all of them that haven't left.
 */
export async function gather(
  assignment: Extract<Assignment, { type: 'train' }>,
  { channels: { trainers: channel }, strategy, accumulator, notice }: RoleContext<{ readonly trainers: Below }>,
  { everyone = false }: { readonly everyone?: boolean } = {},
): Promise<Gathered> {
  const ends = await endsFor(assignment.selected, channel)
  channel.broadcast(assignment, ends)

  const { quorum, deadlineMs: waitingMs } = strategy.waiting
  const deadlineMs = everyone ? undefined : waitingMs
  const sum = accumulator()
  const metrics = metricSum()
  const members: string[] = []
  const refusals: Refusal[] = []
  /** By name: the ends whose metric isn't finite, with its value. */
  const notFinite = new Map<string, string[]>()
  const answers = channel.gather(ends, {
    purpose: `round ${assignment.round}`,
    quorum: channel.othersHoldData && !everyone ? quorum : 1,
    // An aggregator below waits to its own deadline first.
    deadlineMs: deadlineMs === undefined || channel.othersHoldData ? deadlineMs : 2 * deadlineMs,
    matching: ({ round }) => round === assignment.round,
  })
  for await (const { end, message, refuse } of answers) {
    try {
      add(end, message)
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      refuse()
      refusals.push({ end, code: error.code, reason: error.message, hint: error.hint })
      notice({ code: error.code, message: error.message })
    }
  }
  await sum.settle()
  for (const [name, found] of notFinite) {
    const more = found.length > mostNamed ? `, and ${found.length - mostNamed} more` : ''
    notice({
      code: 'ROLE_METRIC_LEFT_OUT',
      message: `metric ${name} in round ${assignment.round} is ${found.toSorted().slice(0, mostNamed).join(', ')}${more}: left out of the mean`,
    })
  }
  return { sum, metrics, members: members.toSorted(), refusals }

  function count(end: string, { vectors: { delta }, weight, samples, metrics: own }: Contribution): void {
    sum.add({ end, delta, weight })
    metrics.add(samples, own)
    for (const [name, value] of Object.entries(own))
      if (!Number.isFinite(value)) notFinite.set(name, [...(notFinite.get(name) ?? []), `${value} of ${end}`])
    members.push(end)
  }

  function add(end: string, answer: Answer): void {
    switch (answer.type) {
      case 'contribution':
        count(end, answer.contribution)
        return
      case 'partial':
        for (const refusal of answer.refusals) refusals.push(refusal)
        if (answer.members.length === 0) return
        sum.merge(end, answer.sum)
        metrics.merge(answer.metrics)
        for (const member of answer.members) members.push(member)
        return
      case 'failed':
        throw new CodedError(
          answer.code,
          { message: '{end} failed in round {round}: {reason}', hint: '{hint}' },
          { hint: 'see the log of that end', ...answer, end },
        )
    }
  }
}
