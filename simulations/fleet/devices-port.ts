import type { ChannelWiring } from '../../sdk/index.ts'
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
  readonly #dispatcher: Dispatcher
  readonly #underWay = new Map<string, Flight>()
  /** Ends whose last work was lost, until they are asked again. */
  readonly #gone = new Set<string>()
  /** An awaited end with work: as long as it has, a wait isn't over. */
  #witness: string | undefined

  constructor(wiring: ChannelWiring, place: ParkingPlace, population: DevicePopulation, dispatcher: Dispatcher) {
    super(wiring, place)
    this.population = population
    this.#dispatcher = dispatcher
  }

  get flights(): Iterable<Flight> {
    return this.#underWay.values()
  }

  /** The devices that are there, by name. Only for a small fleet. */
  ends(): readonly string[] {
    const ends: string[] = []
    for (let row = 0; row < this.population.size; row++) {
      const end = this.population.endAt(row)
      if (this.population.isFree(row) || this.#underWay.has(end)) ends.push(end)
    }
    return ends
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
    for (const end of ends) {
      const device = this.population.deviceOf(end)
      if (device === undefined) continue
      this.#gone.delete(end)
      const known = this.#underWay.get(end)
      // A flight of an earlier process goes on with the assignment that its aggregator repeats.
      if (known && known.message === undefined) known.message = message
      else this.#underWay.set(end, this.#dispatcher.dispatch(this, device, end, message))
    }
  }

  /** Takes up a flight of an earlier process. */
  resume(flight: Flight): void {
    this.#underWay.set(flight.end, flight)
  }

  property(): unknown {
    return undefined
  }

  setProperty(): void {}

  landed(flight: Flight, answer: unknown): void {
    if (this.#underWay.get(flight.end) === flight) this.#underWay.delete(flight.end)
    this.#dispatcher.landed(flight, answer)
    this.arrived(flight.end, answer)
  }

  wasted(flight: Flight): void {
    if (this.#underWay.get(flight.end) === flight) this.#underWay.delete(flight.end)
    this.#dispatcher.wasted(flight)
    this.changed()
  }

  lost(flight: Flight): void {
    if (this.#underWay.get(flight.end) === flight) this.#underWay.delete(flight.end)
    this.#gone.add(flight.end)
    this.#dispatcher.lost(flight)
    this.hasLeft(flight.end)
  }

  /** Work of rounds that are over isn't done any more. */
  abandon(): void {
    for (const flight of this.#underWay.values()) flight.isStale = true
    this.#gone.clear()
  }

  protected isOver(awaited: ReadonlySet<string>): boolean {
    const witness = this.#witness
    if (witness !== undefined && this.#underWay.has(witness) && awaited.has(witness)) return false
    this.#witness = undefined
    if (this.#underWay.size === 0) return true
    for (const end of awaited) {
      if (!this.#underWay.has(end)) continue
      this.#witness = end
      return false
    }
    return true
  }
}
