import type { Arrival, AwaitedEnds, ChannelPort, ChannelWiring, Expiry, Keep } from '../../sdk/index.ts'
import type { Carrier } from './aggregators/carrier.ts'
import type { Station } from './aggregators/station.ts'
import type { DevicePopulation } from './device-population.ts'
import type { ParkingPlace } from './parking.ts'

/** Calls back when a device of a population is there without work. */
export type WhenFree = (population: DevicePopulation, free: () => void) => void

/** A pending call of `next`. */
interface Waiter {
  readonly awaited: AwaitedEnds | undefined
  readonly expiry: Expiry | undefined
  readonly wait: number
  readonly resolve: (arrival: Arrival<unknown> | undefined) => void
}

/** A pending call of `change`. */
interface Watcher {
  readonly expiry: Expiry | undefined
  readonly wait: number
  readonly resolve: () => void
}

/**
 * A port of an aggregator of a fleet: keeps messages until the aggregator takes them, and tells the aggregator's place of
 * parking when the aggregator waits.
 */
export abstract class WaitingPort implements ChannelPort {
  readonly wiring: ChannelWiring
  /** The aggregator begins no round any more. */
  isClosing = false
  protected readonly place: ParkingPlace
  #arrivals: Arrival<unknown>[] = []
  #waiters: Waiter[] = []
  #watchers: Watcher[] = []
  #hasTaken = false
  readonly #leavers = new Set<(end: string) => void>()
  readonly #look = () => this.changed()

  constructor(wiring: ChannelWiring, place: ParkingPlace) {
    this.wiring = wiring
    this.place = place
  }

  abstract ends(): readonly string[]
  abstract has(end: string): boolean
  abstract isGone(end: string): boolean
  abstract allJoined(expiry: Expiry): Promise<readonly string[]>
  abstract send(ends: readonly string[], message: unknown, keep: Keep): void
  abstract property(end: string, name: string): unknown
  abstract setProperty(name: string, value: unknown): void

  /** Whether no message of these ends can come. */
  protected abstract isOver(awaited: AwaitedEnds): boolean

  /** Whether no message waits, and none was taken since the aggregator's last commit. */
  get isAtRest(): boolean {
    return this.isIdle && !this.#hasTaken
  }

  /** Whether no message waits. */
  get isIdle(): boolean {
    return this.#arrivals.length === 0
  }

  /** The aggregator has committed a round. */
  committed(): void {
    this.#hasTaken = false
  }

  next(awaited: AwaitedEnds | undefined, expiry?: Expiry): Promise<Arrival<unknown> | undefined> | Arrival<unknown> {
    const arrival = this.#take(awaited)
    if (arrival) return arrival
    if (this.#isEnded(awaited, expiry)) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#waiters.push({ awaited, expiry, resolve, wait: this.place.wait() })
      expiry?.listeners.add(this.#look)
    })
  }

  change(expiry?: Expiry): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push({ expiry, resolve, wait: this.place.wait() })
      expiry?.listeners.add(this.#look)
    })
  }

  peek(end: string): unknown {
    return this.#arrivals.find((arrival) => arrival.end === end)?.message
  }

  peekNext(awaited: AwaitedEnds): Arrival<unknown> | undefined {
    return this.#arrivals.find(({ end }) => awaited.has(end))
  }

  drain(): readonly Arrival<unknown>[] {
    this.#hasTaken = true
    return this.#arrivals.splice(0)
  }

  find(fits: (arrival: Arrival<unknown>) => boolean, taking: boolean): Arrival<unknown> | undefined {
    const index = this.#arrivals.findIndex(fits)
    const found = this.#arrivals[index]
    if (found && taking) {
      this.#hasTaken = true
      this.#arrivals.splice(index, 1)
    }
    return found
  }

  hasPassed(expiry: Expiry): boolean {
    return expiry.expired
  }

  leave(): void {}

  /** Calls `left` with each end that leaves, until the returned function is called. */
  watchLeft(left: (end: string) => void): () => void {
    this.#leavers.add(left)
    return () => void this.#leavers.delete(left)
  }

  /** An end has left. */
  protected hasLeft(end: string): void {
    for (const tell of this.#leavers) tell(end)
    this.changed()
  }

  /** Waits until a device of a population is there without work. */
  protected freed(population: DevicePopulation, whenFree: WhenFree): Promise<readonly string[]> {
    if (this.isClosing || population.hasFree()) return Promise.resolve([])
    return new Promise((resolve) => {
      const wait = this.place.wait()
      whenFree(population, () => {
        this.place.wake(wait)
        resolve([])
      })
    })
  }

  /** A message has come. */
  protected arrived(end: string, message: unknown): void {
    this.#arrivals.push({ end, message })
    this.changed()
  }

  /** Serves the aggregator's pending calls, after a change of messages, membership or properties, or at an expiry. */
  protected changed(): void {
    if (this.#waiters.length > 0) this.#serve()
    if (this.#watchers.length === 0) return
    const watchers = this.#watchers
    this.#watchers = []
    for (const { expiry, wait, resolve } of watchers) {
      expiry?.listeners.delete(this.#look)
      this.place.wake(wait)
      resolve()
    }
  }

  #serve(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      const { awaited, expiry, wait, resolve } = waiter
      const arrival = this.#take(awaited)
      if (arrival || this.#isEnded(awaited, expiry)) {
        expiry?.listeners.delete(this.#look)
        this.place.wake(wait)
        resolve(arrival)
      } else this.#waiters.push(waiter)
    }
  }

  #take(awaited: AwaitedEnds | undefined): Arrival<unknown> | undefined {
    const [first] = this.#arrivals
    if (!first) return undefined
    this.#hasTaken = true
    if (!awaited || awaited.has(first.end)) return this.#arrivals.shift()
    const index = this.#arrivals.findIndex(({ end }) => awaited.has(end))
    return index < 0 ? undefined : this.#arrivals.splice(index, 1)[0]
  }

  #isEnded(awaited: AwaitedEnds | undefined, expiry: Expiry | undefined): boolean {
    return expiry?.expired === true || (awaited !== undefined && this.isOver(awaited))
  }
}

/** The way of an aggregator's messages to other aggregators. */
export interface Way {
  readonly station: Station
  readonly carry: Carrier
}

/** A port between aggregators of a fleet, which are always there. Without a way, messages arrive at once. */
export class AggregatorPort extends WaitingPort {
  /** The devices below the other ends, where the aggregator selects among them. */
  readonly population: DevicePopulation | undefined
  readonly #end: string
  readonly #whenFree: WhenFree
  readonly #way: Way | undefined
  /** Number of messages that are on their way to this end. */
  #coming = 0
  /** Of an earlier process: ends that were asked, until they are asked again. */
  readonly #askedBefore = new Set<string>()
  /** The other ends of the channel, by name, sorted. */
  readonly #others = new Map<string, AggregatorPort>()
  readonly #properties = new Map<string, unknown>()

  constructor(
    wiring: ChannelWiring,
    place: ParkingPlace,
    end: string,
    whenFree: WhenFree,
    { population, way }: { readonly population?: DevicePopulation | undefined; readonly way?: Way | undefined } = {},
  ) {
    super(wiring, place)
    this.#end = end
    this.#whenFree = whenFree
    this.#way = way
    this.population = population
  }

  override get isIdle(): boolean {
    return this.#coming === 0 && super.isIdle
  }

  /** Takes up the work of an earlier process: its aggregator asks these ends again, which go on by themselves. */
  resume(working: Iterable<string>): void {
    for (const end of working) this.#askedBefore.add(end)
  }

  join(others: ReadonlyMap<string, AggregatorPort>): void {
    for (const [end, port] of others) this.#others.set(end, port)
  }

  ends(): readonly string[] {
    return [...this.#others.keys()]
  }

  has(end: string): boolean {
    return this.#others.has(end)
  }

  isGone(end: string): boolean {
    return !this.has(end)
  }

  /** Waits until a round can begin. */
  allJoined(): Promise<readonly string[]> {
    const { population } = this
    return !population || population.isInUse ? Promise.resolve([]) : this.freed(population, this.#whenFree)
  }

  send(ends: readonly string[], message: unknown): void {
    for (const end of ends) {
      const other = this.#others.get(end)
      if (other && !this.#askedBefore.delete(end)) this.#pass(other, message)
    }
  }

  property(end: string, name: string): unknown {
    return this.#others.get(end)?.ownProperty(name)
  }

  ownProperty(name: string): unknown {
    return this.#properties.get(name)
  }

  setProperty(name: string, value: unknown): void {
    this.#properties.set(name, value)
    for (const other of this.#others.values()) other.changed()
  }

  protected isOver(awaited: AwaitedEnds): boolean {
    for (const end of awaited.keys()) if (this.has(end)) return false
    return true
  }

  #pass(other: AggregatorPort, message: unknown): void {
    const [from, to] = [this.#way, other.#way]
    if (!from || !to) return other.arrived(this.#end, message)
    const isUpdate = this.wiring.funcTags.includes('upload')
    other.#coming += 1
    from.carry(message, { from: from.station, to: to.station, isUpdate }, () => {
      other.#coming -= 1
      other.arrived(this.#end, message)
    })
  }
}
