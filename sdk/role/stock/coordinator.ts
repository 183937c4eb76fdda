import type { RandomStream } from '../../random/random-stream.ts'
import type { Channel } from '../channel/channel.ts'
import { type RoleContext, role } from '../role.ts'
import { aggregatorError } from './aggregator-errors.ts'
import { type Grants, grantEnds, isGrants, noGrants } from './coordinator-grants.ts'
import {
  type CoordinatedMessage,
  type CoordinatorMessage,
  coordinating,
  isPairs,
  type Pairs,
} from './coordinator-protocol.ts'

type Coordinated = Channel<CoordinatorMessage, CoordinatedMessage>

interface CoordinatorState {
  /** Number of rounds that it has paired. */
  readonly round: number
  readonly ended: boolean
  /** The last round's pairs, for aggregators that ask again. */
  readonly last?: RoundPairs
  /** Where the algorithm is asynchronous. */
  readonly grants?: Grants
}

interface RoundPairs {
  /** By aggregator of trainers. */
  readonly lowest: Pairs
  /** By middle aggregator, where there are leaf aggregators. */
  readonly above?: Pairs
}

interface Coordinating {
  readonly top: Coordinated
  readonly middle: Coordinated
  /** With three levels of aggregators. */
  readonly leaf: Coordinated | undefined
  readonly trainer: Coordinated
}

/**
 * Pairs the trainers with the aggregators anew in each round, when the top aggregator asks for it; for an asynchronous
 * algorithm, grants free ends to each aggregator that seeks them. The pairing is a decision: shuffled by the job's seed
 * and dealt out, so that the shares' sizes differ by at most 1. The channel to the trainers tells which ones are there;
 * a trainer hears of its aggregator by the aggregator's assignment.
 */
export const coordinator = role({
  name: 'coordinator',
  open: (channel): Coordinating => ({
    top: channel(coordinating.top),
    middle: channel(coordinating.middle),
    leaf: channel.optional(coordinating.leaf),
    trainer: channel(coordinating.trainer),
  }),
  init: (): CoordinatorState => ({ round: 0, ended: false }),
  isState: (value): value is CoordinatorState =>
    typeof value === 'object' &&
    value !== null &&
    'round' in value &&
    'ended' in value &&
    (!('grants' in value) || isGrants(value.grants)),
  // Aggregators may not have heard of any grant that they hold.
  resume: ({ grants, ...state }) => ({ ...state, ended: false, ...(grants && { grants: { ...grants, untold: 1 } }) }),
  done: ({ ended }) => ended,

  async round(state, context) {
    const { top, middle, leaf, trainer } = context.channels
    await Promise.all([top, middle, trainer, ...(leaf ? [leaf] : [])].map((channel) => channel.awaitJoin()))
    if (context.strategy.waiting.kind === 'buffer') {
      const lowest = { above: leaf ?? middle, below: trainer }
      const levels = [{ above: top, below: middle }, ...(leaf ? [{ above: middle, below: leaf }] : []), lowest]
      const grants = await grantEnds(state.grants ?? noGrants, levels, context)
      return grants ? { ...state, grants } : { ...state, ended: true }
    }
    const [first = ''] = top.expected
    const round = await nextRound(first, state, context)
    if (round === undefined) return { ...state, ended: true }
    const [middles, leaves] = [await there(middle, round, context), leaf && (await there(leaf, round, context))]
    const make = () => pairing(context.random(round, 'pair'), trainer.ends(), leaves ?? middles)
    const lowest = await context.decide('pairs', make, isPairs, { durable: true })
    const above = leaves
      ? await context.decide('leaves', () => pairing(context.random(round, 'leaves'), leaves, middles), isPairs, {
          durable: true,
        })
      : undefined
    const last = { lowest, ...(above && { above }) }
    tell(first, round, last, context.channels)
    return { ...state, round, last }
  },
})

/** The next round that the top aggregator asks for. Undefined at the end. Tells the last round's pairs again, if asked. */
async function nextRound(
  first: string,
  { round, last }: CoordinatorState,
  { channels, end }: RoleContext<Coordinating>,
): Promise<number | undefined> {
  for (;;) {
    const message = await channels.top.recv(first)
    if (!message) throw aggregatorError('ROLE_TOP_LEFT', { end, top: first })
    if (message.type === 'end') return undefined
    if (message.type === 'ready' && message.round > round) return message.round
    if (message.type === 'ready' && message.round === round && last) tell(first, round, last, channels)
  }
}

function tell(top: string, round: number, { lowest, above }: RoundPairs, channels: Coordinating): void {
  for (const [end, its] of Object.entries(above ?? {})) {
    const pairs = Object.fromEntries(its.map((one) => [one, lowest[one] ?? []]))
    channels.middle.send(end, { type: 'pairs', round, pairs })
  }
  const pairs = above ? mapped(above, (its) => its.flatMap((one) => lowest[one] ?? []).toSorted()) : lowest
  channels.top.send(top, { type: 'pairs', round, pairs })
}

/** The aggregators that answer. */
async function there(
  channel: Coordinated,
  round: number,
  { end, strategy: { waiting } }: RoleContext<Coordinating>,
): Promise<readonly string[]> {
  const ends = channel.ends()
  channel.broadcast({ type: 'meta', round }, ends)
  const found: string[] = []
  const answers = channel.gather(ends, {
    purpose: `round ${round}`,
    deadlineMs: waiting.kind === 'quorum' ? waiting.deadlineMs : undefined,
    matching: (message) => message.type === 'meta' && message.round === round,
  })
  for await (const answer of answers) found.push(answer.end)
  if (found.length === 0) throw aggregatorError('ROLE_NO_AGGREGATOR', { end, round, role: channel.otherRole })
  return found.toSorted()
}

/** Deals ends out to aggregators after a shuffle, so that the numbers of their ends differ by at most 1. */
function pairing(random: RandomStream, ends: readonly string[], aggregators: readonly string[]): Pairs {
  const shuffled = [...ends]
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = random.below(last + 1)
    const [a = '', b = ''] = [shuffled[last], shuffled[other]]
    shuffled[last] = b
    shuffled[other] = a
  }
  const count = aggregators.length
  return Object.fromEntries(
    aggregators.map((end, index) => [end, shuffled.filter((_, place) => place % count === index).toSorted()]),
  )
}

function mapped(pairs: Pairs, change: (ends: readonly string[]) => readonly string[]): Pairs {
  return Object.fromEntries(Object.entries(pairs).map(([end, its]) => [end, change(its)]))
}
