import { type Clock, isString, isStrings, keep, release } from '../../../runtime/index.ts'
import type { KeptPopulation } from '../../strategy/population.ts'
import type { Decisions } from '../decisions.ts'
import { roleError } from '../errors.ts'
import type { ChannelUse } from '../role.ts'
import type { Arrival, AwaitedEnds, Channel, Deadline, GatheredArrival, GatherOptions, NextOptions } from './channel.ts'
import type { ChannelPort, Expiry } from './channel-port.ts'
import type { Keep } from './numbered-messages.ts'

/** The parts of a role's host that a typed channel uses. */
export interface ChannelSurroundings {
  readonly end: string
  readonly clock: Clock
  readonly decisions: Decisions
  /** Called for a message outside the channel's protocol. The message is dropped. */
  readonly foreign: (channel: string, from: string) => void
}

/** In the order of arrival: a deadline that passed before an arrival. No end has an empty name. */
const nobody = ''

/** Makes the typed channel of a role over an untyped port. */
export function typedChannel<Out, In>(
  port: ChannelPort,
  use: ChannelUse<Out, In>,
  surroundings: ChannelSurroundings,
): Channel<Out, In> {
  return new TypedChannel(port, use, surroundings)
}

/** A fleet opens a channel for each activation of a device, so the channel is a class rather than closures. */
class TypedChannel<Out, In> implements Channel<Out, In> {
  readonly #port: ChannelPort
  readonly #use: ChannelUse<Out, In>
  readonly #surroundings: ChannelSurroundings
  #expected: readonly string[] | undefined

  constructor(port: ChannelPort, use: ChannelUse<Out, In>, surroundings: ChannelSurroundings) {
    this.#port = port
    this.#use = use
    this.#surroundings = surroundings
  }

  get name(): string {
    return this.#port.wiring.name
  }

  get group(): string {
    return this.#port.wiring.group
  }

  get otherRole(): string {
    return this.#port.wiring.otherRole
  }

  get othersHoldData(): boolean {
    return this.#port.wiring.othersHoldData
  }

  get othersReduce(): boolean {
    return this.#port.wiring.othersReduce
  }

  get graph(): string | undefined {
    return this.#port.wiring.graph
  }

  get expected(): readonly string[] {
    this.#expected ??= [...this.#port.wiring.expected].filter((end) => end !== this.#surroundings.end).toSorted()
    return this.#expected
  }

  get population(): KeptPopulation | undefined {
    return this.#port.population
  }

  ends(): readonly string[] {
    return this.#port.ends()
  }

  has(end: string): boolean {
    return this.#port.has(end)
  }

  watchLeft(left: (end: string) => void): () => void {
    return this.#port.watchLeft(left)
  }

  async awaitJoin({ timeoutMs = 60_000 } = {}): Promise<void> {
    const expiry = new ClockExpiry(this.#surroundings.clock, timeoutMs)
    const missing = await this.#port.allJoined(expiry)
    expiry.cancel()
    if (missing.length === 0) return
    const { name, expected } = this.#port.wiring
    throw roleError('ROLE_JOIN_TIMEOUT', {
      missing: missing.length,
      expected: expected.size,
      channel: name,
      end: this.#surroundings.end,
      timeoutMs,
      first: missing[0],
    })
  }

  leave(): void {
    this.#port.leave()
  }

  send(end: string, message: Out, { keep: isKept = true }: { readonly keep?: Keep } = {}): void {
    this.#port.send([end], message, isKept)
  }

  broadcast(message: Out, ends: readonly string[] = this.#port.ends()): void {
    this.#port.send(ends, message, true)
  }

  async recv(end: string): Promise<In | undefined> {
    return (await this.#receive(new Set([end])))?.message
  }

  /** Waits for the port by itself: each async function between would hold its own frame while an idle end waits. */
  async recvAny(): Promise<Arrival<In>> {
    for (;;) {
      const coming = this.#port.next(undefined)
      const arrival = coming instanceof Promise ? await coming : coming
      const taken = arrival && this.#accepted(arrival)
      if (!taken) continue
      keep(taken.message)
      return taken
    }
  }

  async *recvEach(ends: readonly string[]): AsyncGenerator<Arrival<In>> {
    const awaited = new Set(ends)
    while (awaited.size > 0) {
      const arrival = await this.#receive(awaited)
      if (!arrival) return
      awaited.delete(arrival.end)
      yield arrival
    }
  }

  async *gather(ends: readonly string[], options: GatherOptions<In> = {}): AsyncGenerator<GatheredArrival<In>> {
    const { quorum = 1, deadlineMs, purpose = '', matching = () => true, lent = false } = options
    const { clock, decisions } = this.#surroundings
    const place = decisions.place(`counted:${this.name}:${purpose}`)
    const recorded = decisions.recall(place, isStrings)
    const awaited = new Set(recorded ?? ends)
    // A product such as 0.55 · 100 may lie a little above the intended whole number.
    const needed = recorded ? awaited.size : Math.ceil(quorum * ends.length - 1e-9)
    const counted = new Set<string>()
    const expiry = deadlineMs === undefined || recorded ? undefined : new ClockExpiry(clock, deadlineMs)
    try {
      while (awaited.size > 0 && counted.size < needed) {
        const arrival = await this.#borrow(awaited, expiry)
        if (!arrival) break
        if (!matching(arrival.message)) {
          release(arrival.message)
          continue
        }
        if (!lent) keep(arrival.message)
        awaited.delete(arrival.end)
        counted.add(arrival.end)
        const following = counted.size < needed ? this.#port.peekNext(awaited)?.message : undefined
        const more = this.#use.accepts(following) && matching(following)
        const { end, message } = arrival
        yield { end, message, more, refuse: () => counted.delete(end) }
      }
    } finally {
      expiry?.cancel()
    }
    // Without a deadline, a second run waits for all asked ends anyway, so the count needs no record.
    const isPlain = recorded
      ? counted.size === recorded.length
      : deadlineMs === undefined && counted.size === ends.length
    if (isPlain) return
    decisions.record(place, [...counted].toSorted())
    // Other ends may receive and use the result of the gather before this round is committed.
    await decisions.flush()
  }

  async next(ends: AwaitedEnds, options: NextOptions<In> = {}): Promise<Arrival<In> | undefined> {
    const { decisions } = this.#surroundings
    const place = decisions.place(`arrival:${this.name}:${options.purpose ?? ''}`)
    const recorded = decisions.recall(place, isString)
    if (recorded === nobody) return undefined
    // An end after a recorded one that has left may not be among `ends`.
    let awaited: AwaitedEnds = recorded !== undefined && ends.has(recorded) ? new Set([recorded]) : ends
    let arrival: Arrival<In> | undefined
    // In one loop of this function: each async function between would cost a frame for every arrival.
    for (;;) {
      const coming = this.#port.next(awaited, expiryBehind(options.until))
      const came = coming instanceof Promise ? await coming : coming
      arrival = came && this.#fitting(came, options)
      if (arrival || (!came && awaited === ends)) break
      if (!came) awaited = ends
    }
    if (arrival && arrival.end !== recorded) decisions.record(place, arrival.end)
    if (!arrival && options.until?.hasPassed) decisions.record(place, nobody)
    // Other ends may receive and use results of the arrival before this round is committed.
    const flushed = options.durable === false ? undefined : decisions.flush()
    if (flushed) await flushed
    return arrival
  }

  peek(end: string): In | undefined {
    const message = this.#port.peek(end)
    keep(message)
    return this.#use.accepts(message) ? message : undefined
  }

  find(fits: (arrival: Arrival<In>) => boolean): Arrival<In> | undefined {
    return this.#look(fits, false)
  }

  take(fits: (arrival: Arrival<In>) => boolean): Arrival<In> | undefined {
    return this.#look(fits, true)
  }

  changed(until?: Deadline): Promise<void> {
    return this.#port.change(expiryBehind(until))
  }

  deadline(delayMs: number): Deadline {
    return new PortDeadline(this.#port, new ClockExpiry(this.#surroundings.clock, delayMs))
  }

  drain(): readonly Arrival<In>[] {
    const taken: Arrival<In>[] = []
    for (const { end, message } of this.#port.drain()) {
      keep(message)
      if (this.#use.accepts(message)) taken.push({ end, message })
      else this.#surroundings.foreign(this.name, end)
    }
    return taken
  }

  setProperty(name: string, value: unknown): void {
    this.#port.setProperty(name, value)
  }

  property(end: string, name: string): unknown {
    return this.#port.property(end, name)
  }

  async awaitProperty(ends: readonly string[], name: string): Promise<void> {
    const port = this.#port
    const isMissing = (end: string) => port.has(end) && port.property(end, name) === undefined
    // Checks from the last end, so that each change doesn't scan a large group.
    for (let awaited = [...ends]; ; ) {
      for (let last = awaited.at(-1); last !== undefined && !isMissing(last); last = awaited.at(-1)) awaited.pop()
      if (awaited.length === 0) awaited = ends.filter(isMissing)
      if (awaited.length === 0) return
      await port.change()
    }
  }

  /** Receives a message that is lent. */
  async #borrow(awaited?: AwaitedEnds, expiry?: Expiry): Promise<Arrival<In> | undefined> {
    for (;;) {
      const arrival = await this.#port.next(awaited, expiry)
      if (!arrival) return undefined
      const accepted = this.#accepted(arrival)
      if (accepted) return accepted
    }
  }

  /** The arrival, if its message is of the channel's protocol; drops it otherwise. */
  #accepted({ end, message }: Arrival<unknown>): Arrival<In> | undefined {
    if (this.#use.accepts(message)) return { end, message }
    release(message)
    this.#surroundings.foreign(this.name, end)
    return undefined
  }

  /** The arrival, if it is one that `next` returns; drops it otherwise. */
  #fitting(came: Arrival<unknown>, { matching, lent = false }: NextOptions<In>): Arrival<In> | undefined {
    const arrival = this.#accepted(came)
    if (!arrival) return undefined
    const { end, message } = arrival
    if (matching && !matching(message, end)) {
      release(message)
      return undefined
    }
    if (!lent) keep(message)
    return arrival
  }

  async #receive(awaited?: AwaitedEnds): Promise<Arrival<In> | undefined> {
    const arrival = await this.#borrow(awaited)
    keep(arrival?.message)
    return arrival
  }

  #look(fits: (arrival: Arrival<In>) => boolean, taking: boolean): Arrival<In> | undefined {
    const port = this.#port
    for (;;) {
      const found = port.find(({ end, message }) => !this.#use.accepts(message) || fits({ end, message }), taking)
      if (!found) return undefined
      const { end, message } = found
      keep(message)
      if (this.#use.accepts(message)) return { end, message }
      if (!taking) port.find((arrival) => arrival.end === end && !this.#use.accepts(arrival.message), true)
      this.#surroundings.foreign(this.name, end)
    }
  }
}

/** A deadline of a channel. An asynchronous aggregator has one for each end at work. */
class PortDeadline implements Deadline {
  readonly expiry: ClockExpiry
  readonly #port: ChannelPort

  constructor(port: ChannelPort, expiry: ClockExpiry) {
    this.#port = port
    this.expiry = expiry
  }

  get hasPassed(): boolean {
    return this.#port.hasPassed(this.expiry)
  }

  cancel(): void {
    this.expiry.cancel()
  }
}

const expiryBehind = (until: Deadline | undefined) => (until instanceof PortDeadline ? until.expiry : undefined)

class ClockExpiry implements Expiry {
  expired = false
  #listeners: Set<() => void> | undefined
  readonly #cancel: () => void

  constructor(clock: Clock, delayMs: number) {
    this.#cancel = clock.schedule(delayMs, () => {
      this.expired = true
      for (const wake of Array.from(this.#listeners ?? [])) wake()
    })
  }

  get listeners(): Set<() => void> {
    this.#listeners ??= new Set()
    return this.#listeners
  }

  cancel(): void {
    this.#cancel()
  }
}
