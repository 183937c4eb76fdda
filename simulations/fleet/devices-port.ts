import type { AwaitedEnds, ChannelWiring } from '../../sdk/index.ts'
import type { Station } from './aggregators/station.ts'
import type { SavedFlight } from './checkpoints.ts'
import type { DevicePopulation } from './device-population.ts'
import type { Flight, Landing } from './flight.ts'
import type { ParkingPlace } from './parking.ts'
import { WaitingPort } from './waiting-port.ts'

/** Takes assignments to devices. */
export interface Dispatcher {
  dispatch(landing: DevicesPort, device: number, end: string, message: unknown): Flight
  /** Calls back when a device of the population is there without work. */
  whenFree(population: DevicePopulation, free: () => void): void
  /** The answer of a flight came to its aggregator. */
  landed(flight: Flight, answer: unknown): void
  wasted(flight: Flight): void
  lost(flight: Flight): void
}

/**
 * An aggregator's port to the devices of its group: what it sends to a device becomes a flight, and what it receives are the
 * answers of flights, one at a time.
 */
export class DevicesPort extends WaitingPort implements Landing {
  readonly population: DevicePopulation
  readonly station: Station | undefined
  readonly #dispatcher: Dispatcher
  readonly #flights = new Set<Flight>()
  /** By end: its last flight. */
  readonly #underWay = new Map<string, Flight>()
  /** Ends whose last work was lost, until they are asked again. */
  readonly #gone = new Set<string>()
  /** Of an earlier process: ends that had left with work that the aggregator asks for again. */
  readonly #leftBefore = new Set<string>()
  /** An awaited end with work: as long as it has, a wait isn't over. */
  #witness: string | undefined

  constructor(
    wiring: ChannelWiring,
    place: ParkingPlace,
    population: DevicePopulation,
    dispatcher: Dispatcher,
    station?: Station,
  ) {
    super(wiring, place)
    this.station = station
    this.population = population
    this.#dispatcher = dispatcher
  }

  /** All flights, and the ends that have left, of those that the aggregator believes at work. */
  saved(working: ReadonlySet<string>): { readonly flights: readonly SavedFlight[]; readonly left: readonly string[] } {
    return { flights: [...this.#flights].map(savedFlight), left: [...this.#gone].filter((end) => working.has(end)) }
  }

  /** Takes up the flights of an earlier process. */
  resume(flights: readonly Flight[], left: readonly string[]): void {
    for (const flight of flights) {
      this.#flights.add(flight)
      this.#underWay.set(flight.end, flight)
    }
    for (const end of left) {
      this.#gone.add(end)
      this.#leftBefore.add(end)
    }
  }

  /** The devices with work, of which alone a fleet has names. */
  ends(): readonly string[] {
    return [...this.#underWay.keys()]
  }

  has(end: string): boolean {
    return !this.#gone.has(end) && this.population.deviceOf(end) !== undefined
  }

  isGone(end: string): boolean {
    return !this.has(end)
  }

  /** Waits until a round can begin: devices are there without work, or have work. */
  allJoined(): Promise<readonly string[]> {
    if (this.#underWay.size > 0) return Promise.resolve([])
    return this.freed(this.population, (population, free) => this.#dispatcher.whenFree(population, free))
  }

  send(ends: readonly string[], message: unknown): void {
    // A device without work hears nothing, and one with work has nobody to answer to.
    if (this.isClosing) return
    for (const end of ends) {
      const device = this.population.deviceOf(end)
      if (device === undefined) continue
      // Its aggregator asks again for what the device had lost in an earlier process.
      if (this.#leftBefore.delete(end)) continue
      this.#gone.delete(end)
      const known = this.#underWay.get(end)
      // A flight of an earlier process goes on with the assignment that its aggregator repeats.
      if (known && known.message === undefined && !known.isStale) known.message = message
      else {
        const flight = this.#dispatcher.dispatch(this, device, end, message)
        this.#flights.add(flight)
        this.#underWay.set(end, flight)
      }
    }
  }

  property(): unknown {
    return undefined
  }

  setProperty(): void {}

  landed(flight: Flight, answer: unknown): void {
    this.#forget(flight)
    this.#dispatcher.landed(flight, answer)
    this.arrived(flight.end, answer)
  }

  wasted(flight: Flight): void {
    this.#forget(flight)
    this.#dispatcher.wasted(flight)
    this.changed()
  }

  lost(flight: Flight): void {
    this.#forget(flight)
    this.#gone.add(flight.end)
    this.#dispatcher.lost(flight)
    this.hasLeft(flight.end)
  }

  /** A round is over: only the work of these ends is done further. */
  abandonAllBut(working: ReadonlySet<string>): void {
    for (const flight of this.#flights) if (!working.has(flight.end)) flight.isStale = true
    if (working.size === 0) this.#gone.clear()
  }

  #forget(flight: Flight): void {
    this.#flights.delete(flight)
    if (this.#underWay.get(flight.end) === flight) this.#underWay.delete(flight.end)
  }

  protected isOver(awaited: AwaitedEnds): boolean {
    const witness = this.#witness
    if (witness !== undefined && this.#underWay.has(witness) && awaited.has(witness)) return false
    this.#witness = undefined
    if (this.#underWay.size === 0) return true
    for (const end of awaited.keys()) {
      if (!this.#underWay.has(end)) continue
      this.#witness = end
      return false
    }
    return true
  }
}

function savedFlight(flight: Flight): SavedFlight {
  const { order, work, device, start, at, isQueued, isLost, isStale, received, expected } = flight
  return { order, work, device, start, at, isLost, isStale, received, expected, ...(isQueued && { isQueued }) }
}
