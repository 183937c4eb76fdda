import type { Station } from './aggregators/station.ts'
import type { FleetBehaviour } from './behaviour.ts'
import type { DeviceColumns, DevicePopulation } from './device-population.ts'
import type { DevicesPort, Dispatcher } from './devices-port.ts'
import { bytesOf, endOfWork, Flight } from './flight.ts'
import { Parking, type ParkingPlace } from './parking.ts'
import { FleetClock, TimetableOf } from './timetable.ts'

/** What a fleet needs of its run. */
export interface FleetSettings {
  readonly behaviour: FleetBehaviour
  readonly columns: DeviceColumns
  /** Number of flights whose work is done ahead of virtual time. Results don't depend on it. */
  readonly ahead: number
  /** Virtual milliseconds after which the run ends. */
  readonly until: number
  /** Examples on which a device trains. Only asked where speeds are finite. */
  samplesOf(device: number): number | Promise<number>
  /** Passes of a training over a device's examples. */
  readonly epochs: number
  /** Bytes of an answer, until one has come. */
  readonly answerBytes: number
  /** Lets a device do its work. The flight then gets a reply. */
  activate(flight: Flight): void
  /** Resolves once the actors have come to rest. */
  idle(): Promise<void>
  /** The error of a fleet in which no device is ever available. */
  nobody(): Error
}

/** Where a fleet is in its run. */
export interface FleetPosition {
  readonly now: number
  readonly orders: number
  readonly works: number
  readonly answerBytes: number
}

/** Works since the last committed round. */
export interface Tally {
  asked: number
  landed: number
  lost: number
  received: number
  sent: number
}

/** A committed round at which an aggregator waits for the fleet to come to rest. */
interface Hold {
  readonly place: ParkingPlace
  readonly wait: number
  readonly atRest: () => Promise<void>
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/** The least time for which a fleet waits for a device, in virtual milliseconds. */
const leastMs = 1e-3

/** Time of the platform between looks whether an aggregator sleeps. */
const sleepLookMs = 20

/**
 * The loop of a fleet. When all aggregators wait, it takes the earliest event of the timetable, waits for the flight's work to
 * be done, sets the clock, and delivers the answer. The works of the next flights are done ahead meanwhile, so real work takes
 * no virtual time, and virtual time waits for no wall.
 */
export class Fleet implements Dispatcher {
  readonly parking = new Parking()
  readonly clock: FleetClock
  tally: Tally = nothing()
  /** Number of works that were begun in the run. */
  works = 0
  /** Bytes of the last answer to a training: what the next ones are expected to have. */
  answerBytes: number
  readonly #settings: FleetSettings
  /** Flights that aren't activated. */
  readonly #later = new TimetableOf<Flight>()
  /** Activated flights, the earliest first. */
  readonly #ahead: Flight[] = []
  /** Flights whose durations aren't known yet. */
  #departing: Promise<void>[] = []
  #holds: Hold[] = []
  #orders = 0
  /** Activated flights may have got other times. */
  #hasMoved = false
  #isLooking = false
  #isOver = false
  #failure: { readonly cause: unknown } | undefined
  #wakeUp: (() => void) | undefined
  /** Time stands still until the aggregators are there. */
  readonly #beginning = this.parking.place()

  constructor(settings: FleetSettings) {
    this.#settings = settings
    this.answerBytes = settings.answerBytes
    this.clock = new FleetClock(() => this.#orders++)
  }

  /** The aggregators are there. */
  begin(): void {
    this.#beginning.leave()
  }

  get position(): FleetPosition {
    return { now: this.clock.now(), orders: this.#orders, works: this.works, answerBytes: this.answerBytes }
  }

  /** Goes on from a checkpoint of an earlier process. */
  resume({ now, orders, works, answerBytes }: FleetPosition): void {
    this.clock.set(now)
    this.#orders = orders
    this.works = works
    this.answerBytes = answerBytes
  }

  /** Flights that wait at an aggregator have got other times. */
  moved(): void {
    this.#hasMoved = true
  }

  /** Takes up a flight of an earlier process. */
  resumeFlight(flight: Flight): void {
    this.#settings.columns.begin(flight.device, flight.work)
    this.#later.add(flight.at, flight.order, flight)
  }

  dispatch(landing: DevicesPort, device: number, end: string, message: unknown): Flight {
    const { columns, behaviour } = this.#settings
    const received = bytesOf(message)
    const work = ++this.works
    const order = this.#orders++
    const expected = this.answerBytes
    const start = this.clock.now()
    const departs = landing.station?.send(start, received) ?? start
    const flight = new Flight({ order, work, device, end, landing, message, start, received, expected })
    columns.begin(device, work)
    this.tally.asked += 1
    this.tally.received += received
    const passes = this.#passes(message)
    const samples =
      passes === 0 || behaviour.speed.of(device) === Number.POSITIVE_INFINITY ? 0 : this.#settings.samplesOf(device)
    if (samples instanceof Promise)
      this.#departing.push(
        samples.then(
          (count) => this.#depart(flight, departs, count * passes),
          (cause: unknown) => this.fail(cause),
        ),
      )
    else this.#depart(flight, departs, samples * passes)
    return flight
  }

  whenFree(population: DevicePopulation, free: () => void): void {
    const at = population.nextFree()
    if (at === Number.POSITIVE_INFINITY) this.fail(this.#settings.nobody())
    // Where a time of availability is rounded, the clock must go on all the same.
    else this.clock.schedule(Math.max(at - this.clock.now(), leastMs), free)
  }

  landed({ device }: Flight, answer: unknown): void {
    const { columns } = this.#settings
    const sent = bytesOf(answer)
    columns.end(device)
    columns.answered(device)
    this.tally.landed += 1
    this.tally.sent += sent
    if (isContribution(answer)) this.answerBytes = sent
  }

  wasted({ device, expected }: Flight): void {
    const { columns } = this.#settings
    columns.end(device)
    columns.answered(device)
    this.tally.landed += 1
    this.tally.sent += expected
  }

  lost({ device }: Flight): void {
    this.#settings.columns.end(device)
    this.tally.lost += 1
  }

  /** Takes the tally of the works since the last call. */
  takeTally(): Tally {
    const { tally } = this
    this.tally = nothing()
    return tally
  }

  /** Holds an aggregator until all others wait, and then calls `atRest`. */
  hold(place: ParkingPlace, atRest: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#holds.push({ place, atRest, resolve, reject, wait: place.wait() })
    })
  }

  /** Ends the run with a failure. */
  fail(cause: unknown): void {
    this.#failure ??= { cause }
    this.end()
  }

  /** Ends the run. */
  end(): void {
    this.#isOver = true
    this.#wakeUp?.()
  }

  /** Runs until `end`, or until the virtual time is over. Rejects with the cause of a failure. */
  async run(): Promise<void> {
    const looks = setInterval(() => void this.#lookForSleepers(), sleepLookMs)
    try {
      await Promise.race([this.#loop(), new Promise<void>((resolve) => this.#onEnd(resolve))])
    } finally {
      clearInterval(looks)
      this.#isOver = true
    }
    if (this.#failure) throw this.#failure.cause
  }

  async #loop(): Promise<void> {
    while (!this.#isOver) {
      if (!this.parking.isQuiet) await this.parking.quiet()
      if (this.#isOver) return
      if (this.#holds.length > 0) await this.#release()
      else {
        if (this.#departing.length > 0) await this.#departed()
        this.#fill()
        const work = this.#step()
        if (work) await work
      }
    }
  }

  #onEnd(resolve: () => void): void {
    if (this.#isOver) resolve()
    this.#wakeUp = resolve
  }

  #passes(message: unknown): number {
    const type = typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined
    if (type === 'train') return this.#settings.epochs
    return type === 'evaluate' ? 1 : 0
  }

  #depart(flight: Flight, departs: number, examples: number): void {
    const { device, work, start, received, expected, landing } = flight
    const link = landing.station?.capacity
    const facts = { device, work, start, departs, received, sent: expected, examples, link }
    const { at, isLost } = endOfWork(facts, this.#settings.behaviour)
    flight.at = at
    flight.isLost = isLost
    this.#later.add(at, flight.order, flight)
  }

  async #departed(): Promise<void> {
    const departing = this.#departing
    this.#departing = []
    await Promise.all(departing)
  }

  /** Activates the next flights. A flight that ends before activated ones goes among them, within bounds. */
  #fill(): void {
    const { ahead } = this.#settings
    for (;;) {
      const last = this.#ahead.at(-1)
      const isEarlier = last !== undefined && this.#later.nextAt < last.at && this.#ahead.length < 2 * ahead
      if (this.#later.size === 0 || (this.#ahead.length >= ahead && !isEarlier)) return
      const flight = this.#later.take()
      if (flight) this.#insert(flight)
    }
  }

  #insert(flight: Flight): void {
    this.#place(flight)
    if (!flight.isLost && !flight.isStale && !flight.isActive) this.#activate(flight)
  }

  /** Puts a flight among the activated ones, in its order. */
  #place(flight: Flight): void {
    let place = this.#ahead.length
    for (; place > 0; place--) {
      const before = this.#ahead[place - 1]
      if (before && isBefore(before, flight)) break
    }
    this.#ahead.splice(place, 0, flight)
  }

  #activate(flight: Flight): void {
    flight.isActive = true
    this.#settings.activate(flight)
  }

  /** Takes the earliest event: a timer, or a flight. Where the flight's work isn't done yet, the returned promise waits for it. */
  #step(): Promise<void> | undefined {
    const { clock } = this
    if (this.#hasMoved) this.#ahead.sort((a, b) => (isBefore(a, b) ? -1 : 1))
    this.#hasMoved = false
    const [first] = this.#ahead
    const isLater =
      first !== undefined &&
      (this.#later.nextAt < first.at || (this.#later.nextAt === first.at && this.#later.nextOrder < first.order))
    const at = isLater ? this.#later.nextAt : (first?.at ?? Number.POSITIVE_INFINITY)
    const order = isLater ? this.#later.nextOrder : (first?.order ?? Number.POSITIVE_INFINITY)
    const isTimer = clock.nextAt < at || (clock.nextAt === at && clock.nextTimerOrder < order)
    const next = isTimer ? clock.nextAt : at
    if (next > this.#settings.until) {
      clock.set(this.#settings.until)
      this.end()
    } else if (next === Number.POSITIVE_INFINITY) {
      // Nothing is under way, and nobody can wake an aggregator.
      this.fail(this.#settings.nobody())
    } else if (isTimer) {
      if (clock.fireNext()) this.parking.wakeSleepers()
    } else {
      const flight = isLater ? this.#later.take() : this.#ahead.shift()
      if (!flight) return undefined
      if (flight.at <= at && this.#isTaken(flight, flight.landing.station)) return this.#land(flight)
      if (flight.isActive) this.#place(flight)
      else this.#later.add(flight.at, flight.order, flight)
    }
    return undefined
  }

  /** Whether the aggregator takes an answer now, or nobody does. If not, the answer waits at the aggregator, or its device has gone. */
  #isTaken(flight: Flight, station: Station | undefined): boolean {
    const { at, device, start, expected } = flight
    if (!station || flight.isLost) return true
    this.clock.set(at)
    if (flight.isQueued) return station.take(flight, at)
    if (flight.isStale) {
      station.receive(at, expected)
      return true
    }
    const until = this.#settings.behaviour.availability.until(device, start)
    flight.isQueued = station.queue(flight, expected, at, until)
    if (!flight.isQueued) {
      flight.isLost = true
      flight.at = Math.max(at, until)
    }
    return flight.isQueued && flight.at <= at && station.take(flight, at)
  }

  #land(flight: Flight): Promise<void> | undefined {
    if (!flight.isLost && !flight.isStale) {
      if (!flight.isActive) this.#activate(flight)
      if (!flight.reply) return this.#landLater(flight)
    }
    this.#deliver(flight)
    return undefined
  }

  async #landLater(flight: Flight): Promise<void> {
    await new Promise<void>((resolve) => {
      flight.replied = resolve
    })
    if (!this.#isOver) this.#deliver(flight)
  }

  #deliver(flight: Flight): void {
    const { landing, reply } = flight
    this.clock.set(flight.at)
    if (flight.isLost || (reply && 'failure' in reply)) landing.lost(flight)
    else if (flight.isStale || !reply) landing.wasted(flight)
    else landing.landed(flight, reply.message)
  }

  async #release(): Promise<void> {
    const holds = this.#holds
    this.#holds = []
    for (const { place, wait, atRest, resolve, reject } of holds) {
      try {
        await atRest()
        place.wake(wait)
        resolve()
      } catch (cause) {
        place.wake(wait)
        reject(cause)
      }
    }
  }

  async #lookForSleepers(): Promise<void> {
    if (this.parking.isQuiet || this.#isLooking) return
    this.#isLooking = true
    await this.#settings.idle()
    this.#isLooking = false
    this.parking.sleepAll()
  }
}

function isBefore(one: Flight, other: Flight): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}

function nothing(): Tally {
  return { asked: 0, landed: 0, lost: 0, received: 0, sent: 0 }
}

function isContribution(answer: unknown): boolean {
  return typeof answer === 'object' && answer !== null && 'type' in answer && answer.type === 'contribution'
}
