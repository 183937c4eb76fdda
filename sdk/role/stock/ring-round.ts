import { isCount } from '../../../runtime/index.ts'
import type { RoundPartial } from '../../strategy/round-sum.ts'
import type { CutSums } from '../../sum/cut-sums.ts'
import { metricSum, scalarSum } from '../../sum/exact-sums.ts'
import type { Arrival, Channel, Deadline } from '../channel/channel.ts'
import type { RoleContext } from '../role.ts'
import { ringPass } from './ring-pass.ts'
import { type Agreement, isAgreement, type RingMessage } from './ring-protocol.ts'
import type { Tally } from './round-protocol.ts'

export interface RingRound {
  /** Tells messages of different rounds apart. Greater than those before. */
  readonly round: number
  /** Names the round's decisions. */
  readonly purpose: string
  /** This end's contribution as a sum, or an empty sum. */
  readonly own: RoundPartial
  /** The ends that may take part, sorted, with this one. */
  readonly ends: readonly string[]
  /**
   * Number of contributions at which the committer, with most of the ends, waits no longer. Absent: it waits for all ends
   * that are there.
   */
  readonly enough?: number | undefined
  /**
   * Time for which the committer waits for more than most of the ends. After half of this time without the sum, ends are
   * asked whether they still take part, and have a quarter to answer. Absent: no deadline.
   */
  readonly deadlineMs?: number | undefined
  /** Answers an end that works for an earlier round. */
  readonly behind: (end: string) => void
  /** Whether an end that lacks the sum of a committed round asks for the model. If not, `missed` is the outcome. */
  readonly wantsModel: boolean
  /** Called by the committer with the sum, before others hear that the round is committed. */
  readonly beforeCommit?: (part: RoundPartial) => void
  /** Another channel, a change of which may end the round. */
  readonly above?: { readonly isOver: () => boolean; readonly changed: () => Promise<void> }
}

export type RingOutcome =
  | {
      readonly type: 'summed'
      readonly attempt: number
      readonly part: RoundPartial
      readonly committer: string
    }
  /** Others have committed the round, with these members. */
  | { readonly type: 'missed'; readonly attempt: number; readonly members: readonly string[] }
  /** `above` has ended the round. */
  | { readonly type: 'over' }
  | Extract<RingMessage, { type: 'model' }>

/**
 * Agrees with the other ends of a ring on who takes part, sums their contributions, and confirms: when one end has the
 * outcome, all that are there can have it.
 *
 * Decisions: the committer's list of each attempt, and each attempt that an end accepts, durable before anything that
 * follows from them is sent. An end that has the whole sum of an attempt refuses later attempts, so that an attempt
 * which an end has finished stands; an end that lacks parts then gets the sum from one that has it. An end that hangs
 * while it sums is left out as one that is late, by more than half of the ends.
 */
export async function ringRound(
  ring: Channel<RingMessage, RingMessage>,
  { round, purpose, own, ends, enough, deadlineMs, behind, wantsModel, beforeCommit, above }: RingRound,
  { end: self, decide }: Pick<RoleContext, 'end' | 'decide'>,
): Promise<RingOutcome> {
  const everyone = [...ring.expected, self].toSorted()
  const tally = tallyOf(own)
  /** By end: the last word of it. */
  const ready = new Map<string, Extract<RingMessage, { type: 'ready' }>>()
  /** By end: the attempt of which it has the whole sum. */
  const finished = new Map<string, number>()
  /** By attempt and step. */
  const parts = new Map<string, CutSums>()
  const asked = new Set<string>()
  const deadline = deadlineMs === undefined ? undefined : ring.deadline(deadlineMs)
  let agreement: Agreement | undefined
  let advance: (() => CutSums | undefined) | undefined
  let result: { readonly attempt: number; readonly part: RoundPartial } | undefined
  /** The committer as this end sees it. */
  let committer: string | undefined
  /** The attempt that this end leads. */
  let led = 0
  /** Ends that didn't answer in time whether they still take part. */
  const silent = new Set<string>()
  /** The wait for an attempt, or for the sum of the accepted one, and then for the answers of these ends. */
  let patience: { readonly deadline: Deadline; readonly unheard: Set<string> } | undefined

  try {
    tellReady(ends.filter((end) => end !== self))
    bePatient(1)
    for (;;) {
      if (above?.isOver()) return { type: 'over' }
      const known = committer
      committer = presentCommitter()
      // The next committer asks all where they are: they say so unasked.
      if (agreement && committer !== known) tellReady(ends.filter((end) => end !== self))
      if (patience?.deadline.hasPassed) lookForSilent()
      const move = committer === self ? nextMove() : undefined
      if (move === 'commit') return commit()
      if (move === 'agree') {
        await agree()
        continue
      }
      const arrival = ring.take(({ message }) => message.round <= round || message.type === 'model')
      if (!arrival) {
        const waits = [deadline, patience?.deadline].filter((one) => one && !one.hasPassed)
        const changes = [...(waits.length > 0 ? waits : [undefined])].map((one) => ring.changed(one))
        await Promise.race([...changes, ...(above ? [above.changed()] : [])])
        continue
      }
      const outcome = await received(arrival)
      if (outcome) return outcome
    }
  } finally {
    deadline?.cancel()
    patience?.deadline.cancel()
  }

  function isThere(end: string): boolean {
    return end === self || (ring.has(end) && !silent.has(end))
  }

  function bePatient(share: number, unheard: readonly string[] = []): void {
    patience?.deadline.cancel()
    if (deadlineMs !== undefined) patience = { deadline: ring.deadline(deadlineMs * share), unheard: new Set(unheard) }
  }

  /** Asks the ends on which the sum depends, or takes those for silent that were asked and haven't answered. */
  function lookForSilent(): void {
    const unheard = patience?.unheard ?? new Set()
    patience = undefined
    if (result) return
    for (const end of unheard) silent.add(end)
    const leading = presentCommitter()
    const needed = leading === self ? (agreement?.ring ?? []) : [leading]
    const others = unheard.size > 0 ? [] : needed.filter((end) => end !== self && isThere(end))
    for (const end of others) ring.send(end, { type: 'want', round })
    bePatient(others.length > 0 ? 1 / 4 : 1 / 2, others)
  }

  /** The end that leads the accepted attempt, or the first one that is ready. */
  function presentCommitter(): string {
    const leading = agreement && leaderOf(agreement.attempt)
    if (leading !== undefined && isThere(leading)) return leading
    return takingPart()[0] ?? self
  }

  function tellReady(to: readonly string[]): void {
    const attempt = agreement?.attempt ?? 0
    ring.broadcast({ type: 'ready', round, attempt, ...(result && { done: result.attempt }), tally }, to)
  }

  function want(from: string): void {
    if (asked.has(from)) return
    asked.add(from)
    ring.send(from, { type: 'want', round })
  }

  /** What the committer does next. Undefined: wait. */
  function nextMove(): 'agree' | 'commit' | undefined {
    const isAhead = ({ end, message }: Arrival<RingMessage>) =>
      message.type === 'ready' && message.round > round && ring.has(end)
    const ahead = wantsModel ? ring.find(isAhead) : undefined
    if (ahead) {
      want(ahead.end)
      return undefined
    }
    const done = [...finished].filter(([end]) => ring.has(end)).toSorted(([, a], [, b]) => b - a)
    const [holder, last = 0] = done[0] ?? []
    if (result && result.attempt >= last) return isAwaited(result.attempt) ? undefined : 'commit'
    if (holder !== undefined) {
      want(holder)
      return undefined
    }
    const highest = Math.max(0, ...[...ready.values()].map(({ attempt }) => attempt))
    const isBroken = agreement?.ring.some((end) => !isThere(end))
    if (agreement && led === agreement.attempt && !isBroken && highest <= led) return undefined
    const present = ends.filter((end) => end === self || ring.has(end))
    const there = takingPart()
    if (there.length === present.length) return 'agree'
    // Only most of the ends may leave others out: two committers that don't know of each other can't both have most.
    if (2 * there.length <= present.length) return undefined
    const counted = there.reduce((sum, end) => sum + (tallyBy(end)?.members.length ?? 0), 0)
    const isLate = deadline?.hasPassed || silent.size > 0
    return isLate || (enough !== undefined && counted >= enough) ? 'agree' : undefined
  }

  /** Whether an end of a finished attempt's ring can still finish. */
  function isAwaited(attempt: number): boolean {
    if (agreement?.attempt !== attempt || agreement.ring.some((end) => !isThere(end))) return false
    return agreement.ring.some(
      (end) => end !== self && finished.get(end) !== attempt && (ready.get(end)?.attempt ?? 0) <= attempt,
    )
  }

  function takingPart(): readonly string[] {
    return ends.filter((end) => end === self || (isThere(end) && ready.has(end)))
  }

  function tallyBy(end: string): Tally | undefined {
    return end === self ? tally : ready.get(end)?.tally
  }

  async function agree(): Promise<void> {
    const highest = Math.max(agreement?.attempt ?? 0, ...[...ready.values()].map(({ attempt }) => attempt))
    const make = (): Agreement => {
      const chosen = takingPart()
      return {
        attempt: attemptAfter(highest),
        ring: chosen,
        tally: merged(chosen.flatMap((end) => tallyBy(end) ?? [])),
      }
    }
    const agreed = await decide(`agreed in ${purpose}`, make, isAgreement, { durable: true })
    // A list of an interrupted run, which others have superseded since.
    if (agreed.attempt <= highest) return
    led = agreed.attempt
    for (const end of agreed.ring) if (end !== self) ring.send(end, { type: 'agree', round, ...agreed })
    begin(agreed)
  }

  /** The least number above this one that is of this end: no two committers use the same. */
  function attemptAfter(highest: number): number {
    return (Math.floor(highest / everyone.length) + 1) * everyone.length + everyone.indexOf(self)
  }

  function leaderOf(attempt: number): string {
    return everyone[attempt % everyone.length] ?? self
  }

  function begin(agreed: Agreement): void {
    const { attempt } = agreed
    agreement = agreed
    advance = ringPass({
      ring: agreed.ring,
      self,
      own: own.sums.vectors,
      send: (to, step, vectors) => ring.send(to, { type: 'part', round, attempt, step, vectors }),
      part: (step) => parts.get(`${attempt} ${step}`),
    })
    bePatient(1 / 2)
    progress()
  }

  /** Goes on with the pass. An end that has got the whole sum from another end does so for those behind it. */
  function progress(): void {
    const vectors = advance?.()
    if (!agreement || !vectors) return
    advance = undefined
    const {
      attempt,
      tally: { scalars = {}, ...rest },
    } = agreement
    if (!result) finish(attempt, { ...rest, sums: { vectors, scalars } })
  }

  function finish(attempt: number, part: RoundPartial): void {
    result = { attempt, part }
    const leading = leaderOf(attempt)
    if (leading !== self) ring.send(leading, { type: 'done', round, attempt })
  }

  function commit(): RingOutcome {
    const { attempt, part } = result ?? { attempt: 0, part: own }
    const others = ends.filter((end) => end !== self && ring.has(end))
    beforeCommit?.(part)
    ring.broadcast({ type: 'commit', round, attempt, members: part.members }, others)
    return { type: 'summed', attempt, part, committer: self }
  }

  async function received({ end, message }: Arrival<RingMessage>): Promise<RingOutcome | undefined> {
    silent.delete(end)
    patience?.unheard.delete(end)
    if (message.type === 'model') return message.round >= round ? message : undefined
    if (message.round < round) {
      if (message.type === 'ready' || message.type === 'want') behind(end)
      // The end leads a round that is over: it learns from this answer that others are ahead.
      if (message.type === 'agree') tellReady([end])
      return undefined
    }
    switch (message.type) {
      case 'ready':
        ready.set(end, message)
        if (message.done === undefined) finished.delete(end)
        else finished.set(end, message.done)
        return undefined
      case 'agree':
        await accept(end, message)
        return undefined
      case 'part':
        parts.set(`${message.attempt} ${message.step}`, message.vectors)
        progress()
        return undefined
      case 'done':
        finished.set(end, message.attempt)
        return undefined
      case 'want':
        if (result) ring.send(end, { type: 'sum', round, ...result })
        else tellReady([end])
        return undefined
      case 'sum':
        if (!result || message.attempt > result.attempt) finish(message.attempt, message.part)
        return undefined
      case 'commit':
        if (result?.attempt === message.attempt) return { type: 'summed', ...result, committer: end }
        if (!wantsModel) return { type: 'missed', attempt: message.attempt, members: message.members }
        ring.send(end, { type: 'want', round })
        return undefined
    }
  }

  async function accept(from: string, agreed: Extract<RingMessage, { type: 'agree' }>): Promise<void> {
    const { attempt, ring: members, tally: of } = agreed
    const accepted = agreement?.attempt ?? 0
    if (result) ring.send(from, { type: 'done', round, attempt: result.attempt })
    else if (attempt < accepted) tellReady([from])
    if (result || attempt <= accepted || !members.includes(self)) return
    await decide(`accepted ${attempt} in ${purpose}`, () => attempt, isCount, { durable: true })
    begin({ attempt, ring: members, tally: of })
  }
}

function tallyOf({ sums: { scalars }, ...rest }: RoundPartial): Tally {
  return { scalars, ...rest }
}

function merged(tallies: readonly Tally[]): Tally {
  const [metrics, scalars] = [metricSum(), scalarSum()]
  for (const tally of tallies) {
    metrics.merge(tally.metrics)
    scalars.merge(tally.scalars ?? {})
  }
  const members = tallies.flatMap((tally) => tally.members).toSorted()
  const anew = tallies.flatMap((tally) => tally.anew ?? []).toSorted()
  return { metrics: metrics.partial(), scalars: scalars.partial(), members, ...(anew.length > 0 && { anew }) }
}
