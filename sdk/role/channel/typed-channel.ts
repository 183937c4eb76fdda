import { type Clock, isString, isStrings, keep, release } from '../../../runtime/index.ts'
import type { Decisions } from '../decisions.ts'
import { roleError } from '../errors.ts'
import type { ChannelUse } from '../role.ts'
import type { Arrival, Channel, Deadline, GatheredArrival, GatherOptions, NextOptions } from './channel.ts'
import type { ChannelPort, Expiry } from './channel-port.ts'

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
  { end: self, clock, decisions, foreign }: ChannelSurroundings,
): Channel<Out, In> {
  const { wiring } = port
  const expiries = new WeakMap<Deadline, Expiry>()
  let expected: readonly string[] | undefined

  /** Receives a message that is lent. */
  const borrow = (awaited?: ReadonlySet<string>, expiry?: Expiry): Promise<Arrival<In> | undefined> =>
    port.next(awaited, expiry).then((arrival) => {
      if (!arrival) return undefined
      const { end, message } = arrival
      if (use.accepts(message)) return { end, message }
      release(message)
      foreign(wiring.name, end)
      return borrow(awaited, expiry)
    })

  const receive = (awaited?: ReadonlySet<string>): Promise<Arrival<In> | undefined> =>
    borrow(awaited).then((arrival) => {
      keep(arrival?.message)
      return arrival
    })

  function recvAny(): Promise<Arrival<In>> {
    return receive().then((arrival) => arrival ?? recvAny())
  }

  async function* recvEach(ends: readonly string[]): AsyncGenerator<Arrival<In>> {
    const awaited = new Set(ends)
    while (awaited.size > 0) {
      const arrival = await receive(awaited)
      if (!arrival) return
      awaited.delete(arrival.end)
      yield arrival
    }
  }

  async function* gather(
    ends: readonly string[],
    options: GatherOptions<In> = {},
  ): AsyncGenerator<GatheredArrival<In>> {
    const { quorum = 1, deadlineMs, purpose = '', matching = () => true, lent = false } = options
    const place = decisions.place(`counted:${wiring.name}:${purpose}`)
    const recorded = decisions.recall(place, isStrings)
    const awaited = new Set(recorded ?? ends)
    // A product such as 0.55 · 100 may lie a little above the intended whole number.
    const needed = recorded ? awaited.size : Math.ceil(quorum * ends.length - 1e-9)
    const counted = new Set<string>()
    const expiry = deadlineMs === undefined || recorded ? undefined : expiryOf(clock, deadlineMs)
    try {
      while (awaited.size > 0 && counted.size < needed) {
        const arrival = await borrow(awaited, expiry)
        if (!arrival) break
        if (!matching(arrival.message)) {
          release(arrival.message)
          continue
        }
        if (!lent) keep(arrival.message)
        awaited.delete(arrival.end)
        counted.add(arrival.end)
        const following = counted.size < needed ? port.peekNext(awaited)?.message : undefined
        const more = use.accepts(following) && matching(following)
        yield { ...arrival, more, refuse: () => counted.delete(arrival.end) }
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

  async function next(
    ends: readonly string[],
    { purpose = '', matching = () => true, until, durable = true, lent = false }: NextOptions<In> = {},
  ): Promise<Arrival<In> | undefined> {
    const place = decisions.place(`arrival:${wiring.name}:${purpose}`)
    const recorded = decisions.recall(place, isString)
    if (recorded === nobody) return undefined
    const expiry = until && expiries.get(until)
    const awaited = (names: readonly string[]) => matchingArrival(new Set(names), matching, expiry)
    // An end after a recorded one that has left may not be among `ends`.
    const isAsked = recorded !== undefined && ends.includes(recorded)
    const arrival = (isAsked ? await awaited([recorded]) : undefined) ?? (await awaited(ends))
    if (!lent) keep(arrival?.message)
    if (arrival && arrival.end !== recorded) decisions.record(place, arrival.end)
    if (!arrival && until?.hasPassed) decisions.record(place, nobody)
    // Other ends may receive and use results of the arrival before this round is committed.
    if (durable) await decisions.flush()
    return arrival
  }

  async function matchingArrival(
    awaited: ReadonlySet<string>,
    matching: (message: In) => boolean,
    expiry?: Expiry,
  ): Promise<Arrival<In> | undefined> {
    for (;;) {
      const arrival = await borrow(awaited, expiry)
      if (!arrival || matching(arrival.message)) return arrival
      release(arrival.message)
    }
  }

  function look(fits: (arrival: Arrival<In>) => boolean, taking: boolean): Arrival<In> | undefined {
    for (;;) {
      const found = port.find(({ end, message }) => !use.accepts(message) || fits({ end, message }), taking)
      if (!found) return undefined
      const { end, message } = found
      keep(message)
      if (use.accepts(message)) return { end, message }
      if (!taking) port.find((arrival) => arrival.end === end && !use.accepts(arrival.message), true)
      foreign(wiring.name, end)
    }
  }

  function deadline(delayMs: number): Deadline {
    const expiry = expiryOf(clock, delayMs)
    const made = {
      get hasPassed() {
        return port.hasPassed(expiry)
      },
      cancel: () => expiry.cancel(),
    }
    expiries.set(made, expiry)
    return made
  }

  return {
    name: wiring.name,
    group: wiring.group,
    otherRole: wiring.otherRole,
    othersHoldData: wiring.othersHoldData,
    othersReduce: wiring.othersReduce,
    graph: wiring.graph,
    get expected() {
      expected ??= [...wiring.expected].filter((end) => end !== self).toSorted()
      return expected
    },
    ends: () => port.ends(),
    has: (end) => port.has(end),
    async awaitJoin({ timeoutMs = 60_000 } = {}) {
      const expiry = expiryOf(clock, timeoutMs)
      const missing = await port.allJoined(expiry)
      expiry.cancel()
      if (missing.length > 0) throw joinTimeout(missing, timeoutMs)
    },
    leave: () => port.leave(),
    send: (end, message, { keep = true } = {}) => port.send([end], message, keep),
    broadcast: (message, ends = port.ends()) => port.send(ends, message, true),
    recv: async (end) => (await receive(new Set([end])))?.message,
    recvAny,
    recvEach,
    gather,
    next,
    peek(end) {
      const message = port.peek(end)
      keep(message)
      return use.accepts(message) ? message : undefined
    },
    find: (fits) => look(fits, false),
    take: (fits) => look(fits, true),
    changed: (until) => port.change(until && expiries.get(until)),
    deadline,
    drain() {
      const taken: Arrival<In>[] = []
      for (const { end, message } of port.drain()) {
        keep(message)
        if (use.accepts(message)) taken.push({ end, message })
        else foreign(wiring.name, end)
      }
      return taken
    },
    setProperty: (name, value) => port.setProperty(name, value),
    property: (end, name) => port.property(end, name),
    async awaitProperty(ends, name) {
      while (ends.some((end) => port.has(end) && port.property(end, name) === undefined)) await port.change()
    },
  }

  function joinTimeout(missing: readonly string[], timeoutMs: number) {
    const expected = wiring.expected.size
    return roleError('ROLE_JOIN_TIMEOUT', {
      missing: missing.length,
      expected,
      channel: wiring.name,
      end: self,
      timeoutMs,
      first: missing[0],
    })
  }
}

function expiryOf(clock: Clock, delayMs: number): Expiry & { cancel(): void } {
  const listeners = new Set<() => void>()
  const expiry = { expired: false, listeners, cancel: () => {} }
  expiry.cancel = clock.schedule(delayMs, () => {
    expiry.expired = true
    for (const wake of Array.from(listeners)) wake()
  })
  return expiry
}
