import { isObject } from '../../runtime/index.ts'
import type { Arrival, AwaitedEnds } from '../role/channel/channel.ts'
import type { ChannelPort, Expiry } from '../role/channel/channel-port.ts'
import type { Keep } from '../role/channel/numbered-messages.ts'
import type { ChannelWiring } from '../role/channel/wiring.ts'
import type { KeptPopulation } from '../strategy/population.ts'
import { differenceOf } from '../workload/difference.ts'

/** One call on a channel during a round, and its result or arguments. */
interface Observation {
  readonly call: string
  result: unknown
}

/** Passes each call on to a port, and records the call and its result. */
export class RecordingPort implements ChannelPort {
  readonly wiring: ChannelWiring
  readonly population: KeptPopulation | undefined
  readonly #port: ChannelPort
  observations: Observation[] = []
  /** Above 0, nothing is recorded. */
  muted = 0

  constructor(port: ChannelPort) {
    this.#port = port
    this.wiring = port.wiring
    this.population = port.population
  }

  /** Forgets all recorded calls. */
  begin(): void {
    this.observations = []
  }

  ends = (): readonly string[] => this.#noted('ends', this.#port.ends())
  has = (end: string): boolean => this.#noted(`has ${end}`, this.#port.has(end))
  isGone = (end: string): boolean => this.#noted(`isGone ${end}`, this.#port.isGone(end))
  watchLeft = (left: (end: string) => void): (() => void) => this.#port.watchLeft(left)
  peek = (end: string): unknown => this.#noted(`peek ${end}`, this.#port.peek(end))
  peekNext = (awaited: AwaitedEnds): Arrival<unknown> | undefined =>
    this.#noted('peek next', this.#port.peekNext(awaited))
  drain = (): readonly Arrival<unknown>[] => this.#noted('drain', this.#port.drain())
  hasPassed = (expiry: Expiry): boolean => this.#noted('hasPassed', this.#port.hasPassed(expiry))
  property = (end: string, name: string): unknown =>
    this.#noted(`property ${end} ${name}`, this.#port.property(end, name))

  find(fits: (arrival: Arrival<unknown>) => boolean, taking: boolean): Arrival<unknown> | undefined {
    const arrival = this.#port.find(fits, taking)
    this.#noted(`find ${taking}`, structuredClone(arrival))
    return arrival
  }

  send(ends: readonly string[], message: unknown, keep: Keep): void {
    this.#noted('send', { ends, message: structuredClone(message) })
    this.#port.send(ends, message, keep)
  }

  setProperty(name: string, value: unknown): void {
    this.#noted('setProperty', { name, value: structuredClone(value) })
    this.#port.setProperty(name, value)
  }

  leave(): void {
    this.#noted('leave', undefined)
    this.#port.leave()
  }

  async next(awaited: AwaitedEnds | undefined, expiry?: Expiry): Promise<Arrival<unknown> | undefined> {
    const observation = this.#observation('next')
    const arrival = await this.#port.next(awaited, expiry)
    observation.result = structuredClone(arrival)
    return arrival
  }

  async allJoined(expiry: Expiry): Promise<readonly string[]> {
    const observation = this.#observation('allJoined')
    const missing = await this.#port.allJoined(expiry)
    observation.result = missing
    return missing
  }

  change(expiry?: Expiry): Promise<void> {
    this.#noted('change', undefined)
    return this.#port.change(expiry)
  }

  #noted<Result>(call: string, result: Result): Result {
    this.#observation(call).result = result
    return result
  }

  #observation(call: string): Observation {
    const observation: Observation = { call, result: undefined }
    if (this.muted === 0) this.observations.push(observation)
    return observation
  }
}

/** Replays the recorded results of the first run to the second run, and compares the calls and arguments of both. */
export class ReplayPort implements ChannelPort {
  readonly wiring: ChannelWiring
  /** The same for both runs: a round reads it in decisions, and adds what the round before has learnt. */
  readonly population: KeptPopulation | undefined
  readonly #observations: readonly Observation[]
  readonly #differs: (difference: string) => Error
  #next = 0

  constructor(recorded: RecordingPort, differs: (difference: string) => Error) {
    this.wiring = recorded.wiring
    this.population = recorded.population
    this.#observations = recorded.observations
    this.#differs = differs
  }

  ends = (): readonly string[] => this.#ends(this.#replayed('ends'))
  has = (end: string): boolean => this.#replayed(`has ${end}`) === true
  isGone = (end: string): boolean => this.#replayed(`isGone ${end}`) === true
  watchLeft = (): (() => void) => () => {}
  peek = (end: string): unknown => this.#replayed(`peek ${end}`)
  hasPassed = (): boolean => this.#replayed('hasPassed') === true
  property = (end: string, name: string): unknown => this.#replayed(`property ${end} ${name}`)
  send = (ends: readonly string[], message: unknown): void => this.#compared('send', { ends, message })
  setProperty = (name: string, value: unknown): void => this.#compared('setProperty', { name, value })
  leave = (): void => this.#compared('leave', undefined)

  drain(): readonly Arrival<unknown>[] {
    const drained = this.#replayed('drain')
    return Array.isArray(drained) ? drained.filter(isArrival) : []
  }

  async next(): Promise<Arrival<unknown> | undefined> {
    const arrival = this.#replayed('next')
    return isArrival(arrival) ? arrival : undefined
  }

  peekNext(): Arrival<unknown> | undefined {
    const arrival = this.#replayed('peek next')
    return isArrival(arrival) ? arrival : undefined
  }

  find(_: (arrival: Arrival<unknown>) => boolean, taking: boolean): Arrival<unknown> | undefined {
    const arrival = this.#replayed(`find ${taking}`)
    return isArrival(arrival) ? arrival : undefined
  }

  async allJoined(): Promise<readonly string[]> {
    return this.#ends(this.#replayed('allJoined'))
  }

  async change(): Promise<void> {
    this.#replayed('change')
  }

  /** Throws if the first run made more calls than the second. */
  finish(): void {
    const left = this.#observations[this.#next]
    if (left)
      throw this.#differs(
        `on channel ${this.wiring.name} the first run called ${left.call}, and the second run nothing more`,
      )
  }

  #replayed(call: string): unknown {
    const observation = this.#observations[this.#next++]
    if (observation?.call === call) return observation.result
    throw this.#differs(
      `on channel ${this.wiring.name} the first run called ${observation?.call ?? 'nothing more'}, and the second run ${call}`,
    )
  }

  #compared(call: string, value: unknown): void {
    const difference = differenceOf(this.#replayed(call), value, `arguments of ${call} on channel ${this.wiring.name}`)
    if (difference) throw this.#differs(difference)
  }

  #ends(value: unknown): readonly string[] {
    return Array.isArray(value) ? value : []
  }
}

function isArrival(value: unknown): value is Arrival<unknown> {
  return isObject(value) && 'end' in value && 'message' in value
}
