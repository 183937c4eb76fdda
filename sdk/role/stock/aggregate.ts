import { CodedError, isNumber, isObject, isStrings, keep, release } from '../../../runtime/index.ts'
import { awaitedOf, type Contribution, type EndReport, type Waiting } from '../../strategy/algorithm.ts'
import { freeEnds, type KnownNumbers, namedPopulation, type Population } from '../../strategy/population.ts'
import type { RoundPartial, RoundSum } from '../../strategy/round-sum.ts'
import { HeldDelta, type SentVector } from '../../sum/accumulator.ts'
import type { Channel, GatheredArrival } from '../channel/channel.ts'
import type { RoleContext } from '../role.ts'
import { aggregatorError } from './aggregator-errors.ts'
import type { Pairs } from './coordinator-protocol.ts'
import {
  type Answer,
  type Assignment,
  type ClientEvaluation,
  levelsProperty,
  type Refusal,
  trainersProperty,
} from './round-protocol.ts'

/** Number of ends with the same fault that a notice names. */
const mostNamed = 3
/** Most answers that are added in one pass. */
const mostTogether = 4

/** The gathered contributions of a round. */
interface Gathered {
  readonly sum: RoundSum
  readonly refusals: readonly Refusal[]
  /** By trainer: the end on the channel that got the trainer's assignment. */
  readonly asked: ReadonlyMap<string, string>
  /** Counted trainers that have lost their own state, and started anew, sorted. Absent where none has. */
  readonly anew?: readonly string[]
  /** By counted end, if the selector or the server learns from them. */
  readonly reports?: Readonly<Record<string, EndReport>>
}

type Below = Channel<Assignment, Answer>
type Aggregator = RoleContext<{ readonly trainers: Below }>
type TrainAssignment = Extract<Assignment, { type: 'train' }>
type Work = Exclude<Assignment, { type: 'end-of-training' }>

/**
 * The trainers below an aggregator, of which a selector selects. `known`: what the selector remembers of them, unless the
 * channel's population keeps it.
 */
export async function populationBelow(channel: Below, known?: KnownNumbers): Promise<Population> {
  await channel.awaitJoin()
  return channel.population ?? namedPopulation(await trainersBelow(channel), known)
}

/**
 * The names of the trainers below an aggregator, sorted: the channel's ends, or those that the aggregators on the channel
 * have published.
 */
export async function trainersBelow(channel: Below): Promise<readonly string[]> {
  await channel.awaitJoin()
  if (channel.population) return freeEnds(channel.population)
  const ends = channel.ends()
  if (channel.othersHoldData) return ends
  await channel.awaitProperty(ends, trainersProperty)
  return [...new Set(ends.flatMap((end) => trainersOf(channel, end)))].toSorted()
}

/** Whether a trainer below an aggregator is there: itself on the channel, or below an aggregator there. */
export function isBelow(channel: Below, trainer: string): boolean {
  if (channel.othersHoldData) return channel.has(trainer)
  if (channel.population) return channel.population.holderOf(trainer) !== undefined
  return channel.ends().some((end) => trainersOf(channel, end).includes(trainer))
}

/** Number of levels of aggregators below. */
export async function levelsBelow(channel: Below): Promise<number> {
  // Trainers in a ring wait for each other.
  if (channel.othersHoldData) return channel.othersReduce ? 1 : 0
  const ends = channel.ends()
  await channel.awaitProperty(ends, levelsProperty)
  return Math.max(0, ...ends.map((end) => levelsOf(channel, end)))
}

/** Number of levels of aggregators that an end below has published, its own included. 0: none. */
export function levelsOf(channel: Below, end: string): number {
  const levels = channel.property(end, levelsProperty)
  return isNumber(levels) ? levels : 0
}

/** The ends that are selected trainers, or have selected trainers below them, each with its share of the selected. */
async function sharesOf(
  { type, round, selected }: Work,
  { channels: { trainers: channel }, decide, random }: Aggregator,
  pairs?: Pairs,
): Promise<ReadonlyMap<string, readonly string[]>> {
  await channel.awaitJoin()
  if (pairs && !channel.othersHoldData) {
    const chosen = new Set(selected)
    const given = Object.entries(pairs).map(
      ([end, its]) => [end, its.filter((trainer) => chosen.has(trainer))] as const,
    )
    return new Map(given.filter(([end, its]) => its.length > 0 && channel.has(end)))
  }
  if (channel.othersHoldData)
    return new Map(selected.filter((end) => channel.has(end)).map((end) => [end, [end]] as const))
  const { population } = channel
  if (population) return sharesBy(selected, (trainer) => population.holderOf(trainer), channel)
  await channel.awaitProperty(channel.ends(), trainersProperty)
  const wanted = new Set(selected)
  const holders = new Map<string, string[]>()
  for (const end of channel.ends())
    for (const trainer of trainersOf(channel, end))
      if (wanted.has(trainer)) holders.set(trainer, [...(holders.get(trainer) ?? []), end])
  const isShared = [...holders.values()].some(({ length }) => length > 1)
  const pairing = () => Object.fromEntries([...holders].map(([trainer, ends]) => [trainer, pairedTo(trainer, ends)]))
  // Replicas that are present now may be away when the round runs again, so the pairing is a decision.
  const paired = isShared
    ? await decide(`paired to ${type} in ${round}`, pairing, isPairing, { durable: true })
    : pairing()
  return sharesBy(selected, (trainer) => paired[trainer], channel)

  /** Rendezvous hashing: when an aggregator leaves, the other aggregators keep their trainers. */
  function pairedTo(trainer: string, ends: readonly string[]): string {
    const [first = '', ...others] = ends
    if (others.length === 0) return first
    const rank = (end: string) => random(round, 'pair', trainer, end).uint32()
    return others.reduce((best, end) => (rank(end) > rank(best) ? end : best), first)
  }
}

/** By end on the channel: the trainers that it holds, of ends that are there. */
function sharesBy(
  trainers: readonly string[],
  holderOf: (trainer: string) => string | undefined,
  channel: Below,
): ReadonlyMap<string, readonly string[]> {
  const shares = new Map<string, string[]>()
  for (const trainer of trainers) {
    const end = holderOf(trainer)
    if (end === undefined || !channel.has(end)) continue
    const share = shares.get(end)
    if (share) share.push(trainer)
    else shares.set(end, [trainer])
  }
  return shares
}

function isPairing(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && isStrings(Object.values(value))
}

function trainersOf(channel: Below, end: string): readonly string[] {
  const trainers = channel.property(end, trainersProperty)
  return isStrings(trainers) ? trainers : []
}

/** Sends each end below its share of an assignment. */
async function distribute(
  assignment: Work,
  shares: ReadonlyMap<string, readonly string[]>,
  { channels: { trainers: channel }, strategy, life }: Aggregator,
): Promise<void> {
  const { waitMs, ...rest } = assignment
  const { counted, ...same } = 'counted' in rest ? rest : { ...rest, counted: undefined }
  const deadlineMs = strategy.waiting.kind === 'quorum' ? (strategy.waiting.deadlineMs ?? 0) : 0
  const below = waitMs === undefined || channel.othersHoldData ? {} : { waitMs: waitMs - deadlineMs }
  const told = channel.othersReduce ? { selected: rest.selected, asked: await life() } : { selected: [] }
  // A single message serves all trainers where none needs content of its own.
  if (channel.othersHoldData && !counted) {
    channel.broadcast({ ...same, ...told }, [...shares.keys()])
    return
  }
  for (const [end, selected] of shares) {
    const own = selected.flatMap((trainer) => {
      const round = counted?.[trainer]
      return round === undefined ? [] : [[trainer, round] as const]
    })
    const states = counted ? { counted: Object.fromEntries(own) } : {}
    channel.send(end, { ...same, ...below, ...states, ...(channel.othersHoldData ? told : { selected }) })
  }
}

/**
 * Distributes an assignment to the ends that are selected trainers, or have some below, and sums their answers until
 * the quorum or the deadline. A refused or failed contribution doesn't count, and the round goes on without it.
 * With `everyone`, waits for all of these ends that haven't left. `pairs` say which trainers are below which end, where
 * a coordinator pairs them.
 */
export async function gather(
  assignment: TrainAssignment,
  context: Aggregator,
  { everyone = false, pairs }: { readonly everyone?: boolean; readonly pairs?: Pairs | undefined } = {},
): Promise<Gathered> {
  const {
    channels: { trainers: channel },
    strategy,
    roundSum,
    notice,
  } = context
  const {
    waiting,
    aggregation: { needs },
  } = strategy
  const shares = await sharesOf(assignment, context, pairs)
  await distribute(assignment, shares, context)

  const sum = roundSum()
  const refusals: Refusal[] = []
  const anew = new Set<string>()
  const reports = new Map<string, EndReport>()
  const remembers =
    (strategy.select.remember !== undefined || strategy.server.remember !== undefined) && channel.othersHoldData
  const began = remembers ? await context.now() : 0
  /** By name of a metric: values that aren't finite, with their ends. */
  const notFinite = new Map<string, string[]>()
  const answers = channel.gather([...shares.keys()], {
    purpose: `round ${assignment.round}`,
    quorum: channel.othersHoldData && !everyone && waiting.kind === 'quorum' ? quorumOf(waiting, shares.size) : 1,
    deadlineMs: everyone ? undefined : assignment.waitMs,
    matching: (answer) => isAnswerTo(assignment, answer),
    lent: true,
  })
  const together: GatheredArrival<Answer>[] = []
  for await (const answer of answers) {
    together.push(answer)
    const { end, message } = answer
    if (remembers && message.type === 'contribution') {
      const { samples, metrics } = message.contribution
      reports.set(end, { samples, metrics, seconds: ((await context.now()) - began) / 1000 })
    }
    if (!answer.more || together.length === mostTogether) await addAll(together.splice(0))
  }
  await sum.settle()
  for (const [name, found] of notFinite) {
    const more = found.length > mostNamed ? `, and ${found.length - mostNamed} more` : ''
    notice({
      code: 'ROLE_METRIC_LEFT_OUT',
      message: `metric ${name} in round ${assignment.round} is ${found.toSorted().slice(0, mostNamed).join(', ')}${more}: left out of the mean`,
    })
  }
  const asked = new Map([...shares].flatMap(([end, own]) => own.map((trainer) => [trainer, end] as const)))
  const counted = sum.members.filter((end) => anew.has(end))
  const known = sum.members.flatMap((end) => {
    const report = reports.get(end)
    return report ? [[end, report] as const] : []
  })
  return {
    ...{ sum, refusals, asked },
    ...(counted.length > 0 && { anew: counted }),
    ...(remembers && { reports: Object.fromEntries(known) }),
  }

  /** Adds answers that arrived together: one pass over memory adds several contributions. */
  async function addAll(came: readonly GatheredArrival<Answer>[]): Promise<void> {
    const isIncluded = (end: string) => channel.othersReduce && sum.members.includes(end)
    const summed = came.flatMap(({ end, message }) =>
      message.type === 'contribution' && needs === 'sum' && !isIncluded(end)
        ? [{ end, contribution: message.contribution }]
        : [],
    )
    const outcomes = sum.addAll(summed)
    const refused = new Map(summed.map(({ end }, index) => [end, outcomes[index]]))
    for (const { end, message, refuse } of came) {
      try {
        const refusal = refused.get(end)
        if (refusal) throw refusal
        await add(end, message)
      } catch (error) {
        if (!(error instanceof CodedError)) throw error
        refuse()
        refusals.push({ end, code: error.code, reason: error.message, hint: error.hint })
        notice({ code: error.code, message: error.message })
      } finally {
        returned(message, strategy)
      }
    }
  }

  /** Merges a partial sum. A ring's sum may come twice, from its committer and from the next one. */
  function mergePartial(end: string, part: RoundPartial): void {
    const known = channel.othersReduce ? sum.members : []
    const again = part.members.filter((member) => known.includes(member))
    if (again.length === 0) sum.merge(end, part)
    else if (again.length < part.members.length)
      throw aggregatorError('ROLE_COUNTED_BEFORE', { end, round: assignment.round, members: again.join(', ') })
  }

  /** Adds an answer. A contribution to plain sums was added before, together with others. */
  async function add(end: string, answer: Answer): Promise<void> {
    switch (answer.type) {
      case 'contribution':
        if (answer.isAnew) anew.add(end)
        if (needs === 'each') await addContribution(sum, end, answer.contribution, context)
        for (const [name, value] of Object.entries(answer.contribution.metrics))
          if (!Number.isFinite(value)) notFinite.set(name, [...(notFinite.get(name) ?? []), `${value} of ${end}`])
        return
      case 'partial':
        for (const refusal of answer.refusals) refusals.push(refusal)
        for (const trainer of answer.part.anew ?? []) anew.add(trainer)
        mergePartial(end, answer.part)
        return
      case 'covered':
      case 'evaluated':
      case 'told':
      case 'answered':
        return
      case 'failed':
        throw failureOf(end, answer)
    }
  }
}

/** The fraction of the asked ends at which a round stops waiting. */
function quorumOf(waiting: Extract<Waiting, { kind: 'quorum' }>, asked: number): number {
  return asked === 0 ? 1 : awaitedOf(waiting, asked) / asked
}

/**
 * Lets the selected clients evaluate on their own held-out examples, or answer with the numbers that they are asked for.
 * Waits until all have answered, or until the deadline.
 */
export async function gatherEvaluations(
  assignment: Extract<Assignment, { type: 'evaluate' | 'tell' | 'query' }>,
  context: Aggregator,
): Promise<{ readonly clients: readonly ClientEvaluation[]; readonly refusals: readonly Refusal[] }> {
  const { trainers: channel } = context.channels
  const shares = await sharesOf(assignment, context)
  await distribute(assignment, shares, context)
  const clients = new Map<string, ClientEvaluation>()
  const refusals: Refusal[] = []
  const answers = channel.gather([...shares.keys()], {
    purpose: `${{ evaluate: 'evaluation', tell: 'telling', query: 'query' }[assignment.type]} ${assignment.round}`,
    deadlineMs: assignment.waitMs,
    matching: (answer) => isAnswerTo(assignment, answer),
  })
  for await (const { end, message } of answers) {
    if (message.type === 'evaluated' || message.type === 'told' || message.type === 'answered') {
      for (const client of message.clients) clients.set(client.end, client)
      refusals.push(...message.refusals)
    } else if (message.type === 'failed') {
      const { code, reason, hint = 'see the log of that end' } = message
      refusals.push({ end, code, reason, hint })
    }
  }
  const byEnd = (a: ClientEvaluation, b: ClientEvaluation) => (a.end < b.end ? -1 : 1)
  return { clients: [...clients.values()].toSorted(byEnd), refusals }
}

function isAnswerTo({ type, round }: Work, answer: Answer): boolean {
  if (answer.round !== round) return false
  switch (answer.type) {
    case 'failed':
      return answer.asked === type
    case 'evaluated':
      return type === 'evaluate'
    case 'told':
      return type === 'tell'
    case 'answered':
      return type === 'query'
    default:
      return type === 'train'
  }
}

/** Ends the loan of an answer that was added, which an aggregation of each contribution by itself keeps. */
export function returned(
  answer: Answer,
  { aggregation: { needs } }: Pick<RoleContext['strategy'], 'aggregation'>,
): void {
  if (needs === 'sum') release(answer)
  else keep(answer)
}

/**
 * Adds a contribution. For an aggregation that needs each contribution by itself, takes held vectors out as arrays, which
 * takes time. Refuses as `RoundSum.add` does.
 */
export function addContribution(
  sum: RoundSum,
  end: string,
  contribution: Contribution,
  context: Pick<RoleContext, 'strategy' | 'learner'>,
): Promise<void> | undefined {
  if (context.strategy.aggregation.needs === 'each') return addTaken(sum, end, contribution, context.learner)
  sum.add(end, contribution)
  return undefined
}

async function addTaken(
  sum: RoundSum,
  end: string,
  contribution: Contribution,
  learner: RoleContext['learner'],
): Promise<void> {
  const { delta, ...others } = contribution.vectors
  const taken = async (vector: SentVector) => (vector instanceof HeldDelta ? learner.take(vector) : vector)
  const named = Object.entries(others).map(async ([name, vector]) => [name, await taken(vector)] as const)
  const vectors = { ...Object.fromEntries(await Promise.all(named)), delta: await taken(delta) }
  sum.add(end, { ...contribution, vectors })
}

/** Makes a coded error from an end's `failed` answer. */
export function failureOf(end: string, answer: Extract<Answer, { type: 'failed' }>): CodedError {
  return new CodedError(
    answer.code,
    { message: '{end} failed in round {round}: {reason}', hint: '{hint}' },
    { hint: 'see the log of that end', ...answer, end },
  )
}

/** @throws ROLE_TOO_FEW_UPDATES, with the causes, where fewer updates are counted than the algorithm needs. */
export function requireEnough(
  {
    round,
    selected,
    sum,
    refusals,
  }: {
    readonly round: number
    readonly selected: number
    readonly sum: RoundSum
    readonly refusals: readonly Refusal[]
  },
  minimum: number,
): void {
  const counted = sum.members.length
  if (counted >= minimum) return
  throw aggregatorError('ROLE_TOO_FEW_UPDATES', {
    round,
    counted,
    selected,
    minimum,
    ...(selected < minimum
      ? { causes: 'no more were selected', advice: 'select more ends, or have the algorithm need fewer' }
      : {
          causes: causesOf(refusals),
          advice: refusals[0]?.hint ?? 'see why they left, or give them more time; or lower minimumUpdates',
        }),
  })
}

/** @throws ROLE_TOO_FEW_ANSWERS where no selected client has sent the numbers that the algorithm asks for before a round. */
export function requireAnswers(
  round: number,
  selected: number,
  { clients, refusals }: { readonly clients: readonly unknown[]; readonly refusals: readonly Refusal[] },
): void {
  if (clients.length > 0) return
  const advice = refusals[0]?.hint ?? 'see why they left, or give them more time'
  throw aggregatorError('ROLE_TOO_FEW_ANSWERS', { round, selected, causes: causesOf(refusals), advice })
}

/** Metrics under longer names. */
export function prefixed(prefix: string, metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${prefix}-${name}`, value]))
}

function causesOf(refusals: readonly Refusal[]): string {
  const [first] = refusals
  return first
    ? `${refusals.length} failed or ${refusals.length === 1 ? 'was' : 'were'} refused, the first ${first.end}: ${first.code} ${first.reason}`
    : 'none was refused: the others left or came too late'
}
