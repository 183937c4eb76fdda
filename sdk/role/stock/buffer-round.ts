import { CodedError, isCount, isObject, isString, isStrings } from '../../../runtime/index.ts'
import type { CountedWork } from '../../registry/registry.ts'
import type { Contribution, Waiting } from '../../strategy/algorithm.ts'
import { hasFree, namedPopulation, populationWithout } from '../../strategy/population.ts'
import type { RoundPartial, RoundSum } from '../../strategy/round-sum.ts'
import { oneSelected } from '../../strategy/selectors/draws.ts'
import { weightIn } from '../../sum/accumulator.ts'
import type { Channel, Deadline } from '../channel/channel.ts'
import type { RoleContext } from '../role.ts'
import { addContribution, failureOf, levelsOf, returned } from './aggregate.ts'
import { aggregatorError } from './aggregator-errors.ts'
import { type Flight, nobody, type Work, workUnderWay } from './flight.ts'
import type { GrantedEnds } from './granted-ends.ts'
import type { Answer, Assignment, Refusal } from './round-protocol.ts'

type Buffer = Extract<Waiting, { kind: 'buffer' }>

/** A buffer in the middle of being filled, at which an aggregator rests. */
export interface BegunBuffer {
  readonly part: RoundPartial
  readonly arrivals: readonly CountedWork[]
  /** Ends that aren't asked again for this version, sorted. */
  readonly failed: readonly string[]
  /** Dispatches for this buffer, and those since the last counted contribution. */
  readonly asked: number
  readonly inVain: number
}

/** The contributions that fill a buffer. */
interface FilledBuffer {
  readonly sum: RoundSum
  readonly flight: Flight
  readonly arrivals: readonly CountedWork[]
  /** Counted trainers that have lost their own state, and started anew, sorted. Absent where none has. */
  readonly anew?: readonly string[]
  /** The aggregator rests before the buffer is full: the buffer so far. */
  readonly begun?: BegunBuffer
}

/** The next end to ask: a decision, since it depends on the present ends, and on time. */
interface Dispatch {
  /** Ends with work in progress that have left. */
  readonly left: readonly string[]
  /** Ends that are there, and whose deadline has passed. Absent: none. */
  readonly overdue?: readonly string[]
  /** Absent if no end is free. */
  readonly end?: string
  /** Where a coordinator grants ends: number of the grant. */
  readonly grant?: number
}

/** The next step of an aggregator that gets its ends from a coordinator: a decision, since it depends on timing. */
type Next = 'grant' | 'answer' | 'none' | 'over'

function isNext(value: unknown): value is Next {
  return value === 'grant' || value === 'answer' || value === 'none' || value === 'over'
}

/** The ends that an aggregator's buffer depends on besides those below. */
export interface BufferSurroundings {
  /** The aggregator above, which may end the training, and the host, which may ask for a rest. */
  readonly above?: {
    readonly isOver: () => boolean
    readonly isToRest: () => boolean
    readonly changed: () => Promise<void>
  }
  /** The coordinator, if ends are granted. */
  readonly grants?: GrantedEnds | undefined
}

function isDispatch(value: unknown): value is Dispatch {
  return (
    isObject(value) &&
    'left' in value &&
    isStrings(value.left) &&
    (!('overdue' in value) || isStrings(value.overdue)) &&
    (!('end' in value) || isString(value.end)) &&
    (!('grant' in value) || isCount(value.grant))
  )
}

/**
 * Dispatches in a row of which none was counted, after which a version is given up, besides ten for each end at work: in a
 * fleet of empty devices, or of devices that give up every work, there is always another device to ask.
 */
const mostInVain = 10_000

const durable = { durable: true } as const
const kept = { keep: 'until-acknowledged' } as const

/**
 * Fills a buffer: keeps `concurrency` ends at work, and adds their answers in the order of arrival, each weighed by its
 * staleness, until `size` are counted. An aggregator below answers with the sum of a buffer of its own. The order and
 * each dispatch are decisions, durable before any message that follows from them is sent; so a second run dispatches the
 * same work under the same numbers, and gets the same bits.
 *
 * A trainer that hasn't answered by its deadline is given up: its answer counts no more, and another end is asked. An end
 * that failed or was given up isn't asked again for the same version. ROLE_TOO_FEW_UPDATES if no end is left to ask, or
 * very many were asked in vain. With `above`, stops with fewer contributions as soon as the training is over, and for a rest,
 * from which `begun` goes on.
 */
export async function fillBuffer(
  {
    version,
    weights,
    flight,
    begun,
  }: {
    readonly version: number
    readonly weights: Float32Array
    readonly flight: Flight
    readonly begun?: BegunBuffer | undefined
  },
  buffer: Buffer,
  context: RoleContext<{ readonly trainers: Channel<Assignment, Answer> }>,
  assignment: (dispatch: number, weights: Float32Array, version: number) => Extract<Assignment, { type: 'train' }>,
  { above, grants }: BufferSurroundings = {},
): Promise<FilledBuffer> {
  const {
    channels: { trainers: channel },
    strategy,
    notice,
    decide,
    random,
  } = context
  const past = new Map(Object.entries(flight.past).map(([of, values]) => [Number(of), values] as const))
  past.set(version, weights)
  const { population } = channel
  const purpose = `version ${version}`
  const isTaken = (end: string) => underWay.ends.has(end) || failed.has(end)
  const free = () => {
    // The devices of a fleet that have work aren't free.
    if (population && failed.size === 0) return population
    return populationWithout(population ?? namedPopulation(channel.ends()), isTaken)
  }
  if (flight.counted) population?.count(flight.counted)
  const states = strategy.client.init && new Map(population ? [] : Object.entries(flight.counted ?? {}))
  const failed = new Set<string>(begun?.failed)
  const anew = new Set<string>(begun?.part.anew)
  const refusals: Refusal[] = []
  const sum = context.roundSum()
  if (begun) sum.merge(context.end, begun.part)
  let { dispatch } = flight
  /** Dispatches since the last counted contribution. */
  let inVain = begun?.inVain ?? 0
  const arrivals: CountedWork[] = [...(begun?.arrivals ?? [])]
  let asked = begun?.asked ?? flight.underWay.length
  // The ends that were free at a rest were looked at before it.
  let hasLooked = begun !== undefined
  let rests = false

  await channel.awaitJoin()
  // Aggregators below replace their own trainers.
  const deadlineMs = channel.othersHoldData ? buffer.deadlineMs : undefined
  const underWay = workUnderWay(channel)
  const began = deadlineMs === undefined || asked === 0 ? 0 : await context.now()
  for (const work of flight.underWay) {
    // The clock of a fleet goes on.
    const since = (flight.again && !population ? undefined : work.since) ?? began
    if (deadlineMs === undefined) underWay.begin(work)
    else underWay.begin({ ...work, since }, since + deadlineMs - began)
    if (flight.again) ask(work.end, work.dispatch, work.version)
  }
  try {
    while (arrivals.length < buffer.size) {
      if (inVain > mostInVain + 10 * buffer.concurrency) throw tooFew()
      if (grants) {
        const next = await decide(`next in version ${version}`, () => nextOf(grants), isNext)
        if (next === 'over') break
        if (next === 'none') throw tooFew()
        if (next === 'grant') {
          await dispatchNext()
          continue
        }
      } else if (!hasLooked) while (underWay.size < buffer.concurrency && (await dispatchNext()));
      hasLooked = false
      const over = above ? await isOver(above) : 'no'
      rests = over === 'rest'
      if (over !== 'no') break
      const first = underWay.firstDue()
      const arrival = underWay.size > 0 ? await nextArrival(first?.deadline) : undefined
      if (arrival) {
        const adding = take(arrival.end, arrival.message)
        if (adding) await adding
        returned(arrival.message, strategy)
      } else if (!(await dispatchNext(first?.end)) && underWay.size === 0 && !grants) {
        // The devices of a fleet come back.
        if (!population || hasFree(population)) throw tooFew()
        await channel.awaitJoin()
      }
    }
  } finally {
    underWay.close()
  }
  await sum.settle()
  const started = anew.size > 0 ? { anew: [...anew].toSorted() } : {}
  return { sum, flight: left(), arrivals, ...started, ...(rests && { begun: soFar() }) }

  function soFar(): BegunBuffer {
    const part = { ...sum.partial(), ...started }
    return { part, arrivals, failed: [...failed].toSorted(), asked, inVain }
  }

  function ask(end: string, number: number, from: number): void {
    const same = assignment(number, past.get(from) ?? weights, from)
    if (!states) return channel.send(end, same, kept)
    const last = states.get(end) ?? population?.lastCounted(end)
    channel.send(end, { ...same, counted: last === undefined ? {} : { [end]: last } }, kept)
  }

  /** Asks a free end. `late`: an end whose deadline has passed in this life or an earlier one. False if no end is free. */
  async function dispatchNext(late?: string): Promise<boolean> {
    const number = dispatch + 1
    const chosen = await decide(`dispatch ${number}`, () => choose(number, late), isDispatch, durable)
    heed(chosen)
    if (chosen.end === undefined) return false
    dispatch = number
    begin(chosen.end, number, deadlineMs === undefined ? undefined : await context.now())
    return true
  }

  function heed({ left: away, overdue = nobody, grant = 0 }: Dispatch): void {
    grants?.heard(grant)
    for (const each of overdue) giveUp(each)
    for (const each of away) underWay.forget(each)
  }

  function begin(end: string, number: number, since: number | undefined): void {
    asked += 1
    inVain += 1
    const work = { end, dispatch: number, version }
    underWay.begin(since === undefined ? work : { ...work, since }, deadlineMs)
    ask(end, number, version)
  }

  function choose(number: number, late: string | undefined): Dispatch {
    const overdue = underWay.overdue(late)
    const left = underWay.away()
    const gone = overdue.length > 0 ? { left, overdue } : { left }
    if (grants) {
      const granted = late === undefined ? grants.next() : undefined
      return granted ? { ...gone, end: granted.end, grant: granted.number } : gone
    }
    const end = oneSelected(strategy.select, free(), random(number, 'dispatch'))
    // The new field first: the engine adds a field to a spread object by a slow way.
    return end === undefined ? gone : { end, ...gone }
  }

  /** Waits until there is a next step. Tells the coordinator first which ends are held and wanted. */
  async function nextOf(coordinator: GrantedEnds): Promise<Next> {
    for (;;) {
      if (above?.isOver()) return 'over'
      if (underWay.hasAnswer()) return 'answer'
      if (coordinator.isWaiting) return 'grant'
      if (underWay.firstDue()?.deadline.hasPassed) return 'answer'
      const without = [...failed]
      coordinator.seek([...underWay.ends.keys()], buffer.concurrency, without)
      if (!underWay.isAwaited()) {
        if (coordinator.isNone(without)) return 'none'
        coordinator.requireCoordinator(version + 1, context.end)
      }
      await Promise.race([underWay.changed(), coordinator.changed(), ...(above ? [above.changed()] : [])])
    }
  }

  function giveUp(end: string): void {
    const overdue = aggregatorError('ROLE_OVERDUE', { end, dispatch: underWay.at(end)?.dispatch, deadlineMs })
    underWay.forget(end)
    refused(end, overdue)
  }

  /** Whether the training is over, or a rest is asked for, before the next answer comes. */
  async function isOver(above: NonNullable<BufferSurroundings['above']>): Promise<'over' | 'rest' | 'no'> {
    for (;;) {
      if (above.isOver()) return 'over'
      if (above.isToRest() && !underWay.hasAnswer()) return 'rest'
      if (!underWay.isAwaited() || underWay.hasAnswer() || underWay.firstDue()?.deadline.hasPassed) return 'no'
      await Promise.race([underWay.changed(), above.changed()])
    }
  }

  function nextArrival(until: Deadline | undefined) {
    return channel.next(underWay.ends, { purpose, matching: underWay.isAnsweredBy, until, durable: false, lent: true })
  }

  /** Takes an answer to work in progress. No promise where nothing is to be waited for. */
  function take(end: string, answer: Answer): Promise<void> | undefined {
    const work = underWay.at(end)
    if (!work) return undefined
    underWay.forget(end)
    try {
      if (answer.type === 'failed') throw failureOf(end, answer)
      const staleness = version - work.version
      if (answer.type === 'contribution' && isFresh(end, staleness)) {
        const adding = addContribution(sum, end, weighed(answer.contribution, staleness), context)
        if (adding)
          return adding.then(() => noteContribution(work, answer.isAnew)).catch((error) => refused(end, error))
        noteContribution(work, answer.isAnew)
      } else if (answer.type === 'partial' && isFresh(end, staleness)) {
        requireWhole(end, answer.part)
        sum.merge(end, answer.part, factorOf(1, staleness))
        noteCounted({ ...work, buffer: answer.arrivals ?? [] })
        for (const trainer of answer.part.anew ?? []) anew.add(trainer)
      }
    } catch (error) {
      refused(end, error)
    }
    return undefined
  }

  function noteContribution({ end, dispatch: number, version: from }: Work, isAnew = false): void {
    noteCounted({ end, dispatch: number, version: from })
    states?.set(end, number)
    if (isAnew) anew.add(end)
  }

  function refused(end: string, error: unknown): void {
    if (!(error instanceof CodedError)) throw error
    failed.add(end)
    refusals.push({ end, code: error.code, reason: error.message, hint: error.hint })
    notice({ code: error.code, message: error.message })
  }

  function noteCounted(work: CountedWork): void {
    arrivals.push(work)
    inVain = 0
  }

  function isFresh(end: string, staleness: number): boolean {
    const { mostStale = Number.POSITIVE_INFINITY } = buffer
    if (staleness <= mostStale) return true
    notice({
      code: 'ROLE_TOO_STALE',
      message: `a contribution of ${end} is ${staleness} steps stale, and more than ${mostStale} are dropped`,
    })
    return false
  }

  /**
   * All sums in a buffer have the same number of updates, by whose total the step divides. An aggregator below has a
   * buffer of sums, too, if it isn't the lowest.
   */
  function requireWhole(end: string, { sums }: RoundPartial): void {
    const expected = (buffer.sizeBelow ?? buffer.size) ** Math.max(1, levelsOf(channel, end))
    const wrong = Object.values(sums.vectors).find(({ updates }) => updates !== expected)
    if (wrong) throw aggregatorError('ROLE_BUFFER_SIZE', { end, came: wrong.updates, expected })
  }

  function weighed(contribution: Contribution, staleness: number): Contribution {
    return { ...contribution, weight: factorOf(contribution.weight, staleness) }
  }

  function factorOf(weight: number, staleness: number): number {
    return weightIn(weight * buffer.weigh(staleness), strategy.aggregation.weightBits ?? 0)
  }

  function left(): Flight {
    const working = underWay.all()
    const needed = new Set(working.map((work) => work.version))
    return {
      dispatch,
      underWay: working,
      past: Object.fromEntries([...past].filter(([of]) => needed.has(of))),
      ...(states && { counted: Object.fromEntries(states) }),
      ...(grants && { granted: grants.seen }),
    }
  }

  function tooFew(): Error {
    const [first] = refusals
    return aggregatorError('ROLE_TOO_FEW_UPDATES', {
      round: version + 1,
      counted: arrivals.length,
      selected: asked,
      minimum: buffer.size,
      causes: first
        ? `the others failed or were refused, the first ${first.end}: ${first.code} ${first.reason}`
        : 'the others left',
      advice: first?.hint ?? 'see why the trainers left',
    })
  }
}
