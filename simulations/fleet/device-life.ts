import type { ActorContext, ActorRef } from '../../runtime/index.ts'
import {
  type Arrival,
  type Attachment,
  attachedRole,
  type ChannelPort,
  type ChannelWiring,
  type OwnPlace,
  type RoleTask,
  type RoundKeeper,
  type RoundSurroundings,
  UnjournalledKeeper,
} from '../../sdk/index.ts'
import type { Flight } from './flight.ts'

/** What the activations of a group's devices share. */
export interface DeviceHost {
  /** The parent of the devices' actors. */
  readonly actor: Pick<ActorContext<never>, 'spawn' | 'stop'>
  readonly job: RoundSurroundings
  /** The task of the group's devices, but for its end and its client. */
  readonly task: RoleTask
  /** Where a device's own state lies. */
  readonly ownOf: (end: string) => OwnPlace
  readonly secretOf: (end: string) => Uint8Array
}

/** Activates a device for a flight: the device's role runs in the role host until it has answered. */
export function activate(flight: Flight, host: DeviceHost, client: number): void {
  new DeviceLife(flight, host, client).begin()
}

const options = { supervise: { type: 'stop' } } as const
const nothing: readonly Arrival<unknown>[] = []

/**
 * One activation of a device: its port, which has one assignment and takes one answer, and its keeper. Many are made, so
 * that one object is all of it.
 */
class DeviceLife implements Attachment, ChannelPort {
  readonly #flight: Flight
  readonly #host: DeviceHost
  readonly #client: number
  readonly ports: readonly ChannelPort[]
  #isTaken = false
  #ref: ActorRef<never> | undefined

  constructor(flight: Flight, host: DeviceHost, client: number) {
    this.#flight = flight
    this.#host = host
    this.#client = client
    this.ports = [this]
  }

  begin(): void {
    const { actor, job, task } = this.#host
    const { end, order } = this.#flight
    const own: RoleTask = { end, role: task.role, channels: task.channels, client: this.#client }
    this.#ref = actor.spawn(`${end}~${order}`, attachedRole(own, job, this), options)
  }

  keeper<State>(): RoundKeeper<State> {
    return new UnjournalledKeeper<State>(this.#host.task, this.#host.job, this)
  }

  get own(): OwnPlace {
    return this.#host.ownOf(this.#flight.end)
  }

  secret(): Uint8Array {
    return this.#host.secretOf(this.#flight.end)
  }

  committed(): void {}

  /** The device has answered: it goes back to its row. */
  rest(): boolean {
    if (!this.#isTaken) return false
    this.#host.actor.stop(this.#ref)
    return true
  }

  ended(failure?: { readonly cause: unknown }): void {
    if (!this.#flight.reply) this.#reply({ failure: failure?.cause })
  }

  get wiring(): ChannelWiring {
    const [wiring] = this.#host.task.channels
    if (!wiring) throw new RangeError(`${this.#flight.end} has no channel`)
    return wiring
  }

  ends(): readonly string[] {
    return [...this.wiring.expected]
  }

  has(end: string): boolean {
    return this.wiring.expected.has(end)
  }

  isGone(end: string): boolean {
    return !this.has(end)
  }

  watchLeft(): () => void {
    return () => {}
  }

  async allJoined(): Promise<readonly string[]> {
    return []
  }

  send(_: readonly string[], message: unknown): void {
    if (!this.#flight.reply) this.#reply({ message })
  }

  next(): Promise<Arrival<unknown> | undefined> | Arrival<unknown> {
    const arrival = this.#take()
    if (arrival) return arrival
    // Of a role that doesn't rest: more work comes in another activation. The promise is this life's own.
    this.rest()
    return new Promise(() => {})
  }

  peek(): unknown {
    return this.#isTaken ? undefined : this.#flight.message
  }

  peekNext(): Arrival<unknown> | undefined {
    return this.#isTaken ? undefined : this.#arrival()
  }

  drain(): readonly Arrival<unknown>[] {
    const arrival = this.#take()
    return arrival ? [arrival] : nothing
  }

  find(fits: (arrival: Arrival<unknown>) => boolean, taking: boolean): Arrival<unknown> | undefined {
    const arrival = this.peekNext()
    if (!arrival || !fits(arrival)) return undefined
    return taking ? this.#take() : arrival
  }

  hasPassed({ expired }: { readonly expired: boolean }): boolean {
    return expired
  }

  property(): unknown {
    return undefined
  }

  setProperty(): void {}

  leave(): void {}

  change(): Promise<void> {
    return new Promise(() => {})
  }

  #take(): Arrival<unknown> | undefined {
    if (this.#isTaken) return undefined
    this.#isTaken = true
    return this.#arrival()
  }

  #arrival(): Arrival<unknown> {
    const [end = ''] = this.wiring.expected
    return { end, message: this.#flight.message }
  }

  #reply(reply: NonNullable<Flight['reply']>): void {
    this.#flight.reply = reply
    this.#flight.replied?.()
  }
}
