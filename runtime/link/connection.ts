import type { ActorRef, Address, Cancel } from '../kernel/protocol.ts'
import { isLinkError } from './errors.ts'
import type { LaneName, Route } from './frame.ts'
import type { Connection, ConnectionState, ConnectOptions } from './protocol.ts'

const firstDelayMs = 2
const longestDelayMs = 5000
/**
 * Growth of the delays. By a quarter each: so a delay is about a third of the time since the loss at most, and a node
 * that comes back is dialled after a fraction of the time for which it was away.
 */
const growth = 1.25
/** Growth after a refusal by a node that has too many others to greet, or that keeps this node out for a while. */
const busyGrowth = 2
const busyCodes: readonly string[] = ['LINK_BUSY', 'LINK_QUARANTINE']
/** A route that lived this long counts as a success, even if nothing was to be sent. */
const longLifeMs = longestDelayMs

/** Messages of the link's actor to itself about its connections. */
export type ConnectionMessage =
  | { readonly type: 'redial'; readonly connection: DialledConnection; readonly lane: LaneName }
  | ({ readonly type: 'dialled'; readonly route: Route } & Attempt)
  /** Without a cause, the attempt has taken too long. */
  | ({ readonly type: 'dial-failed'; readonly cause: unknown } & Attempt)

/** An attempt to make a connection's route for a lane. */
interface Attempt {
  readonly connection: DialledConnection
  readonly lane: LaneName
  readonly attempt: number
}

/** The capabilities of the link's actor that its connections need. */
export interface Dialler {
  tell(message: ConnectionMessage): void
  after(delayMs: number, message: ConnectionMessage): Cancel
  /** A number from 0 to 1. */
  random(): number
  readonly dialWithinMs: number
}

/** A lane's route: there is one, one is being made, or one will be made after a delay; or none is needed. */
interface LaneDial {
  isBusy: boolean
  /** The next delay. */
  delayMs: number
  /** Numbers the attempts, so that results of earlier ones are recognized. */
  attempt: number
  /** Ends the present attempt, or the delay before it. */
  stop: Cancel
}

const nothing: Cancel = () => {}
const idle: LaneDial = { isBusy: false, delayMs: firstDelayMs, attempt: 0, stop: nothing }

/** Keeps the routes to a node that this node dials. The link's actor drives it. */
export class DialledConnection implements Connection {
  readonly options: ConnectOptions
  readonly close: () => void
  readonly #lanes: Readonly<Record<LaneName, LaneDial>> = { control: { ...idle }, bulk: { ...idle } }
  #state: ConnectionState = 'connecting'
  /** Name of the other node; until it is known, the expected name. */
  node: string | undefined
  /** The life of the other node that was greeted last, and the ref that was given to it unasked. */
  given: (Pick<Address, 'node' | 'nodeIncarnation'> & { readonly entry: ActorRef<never> | undefined }) | undefined

  constructor(options: ConnectOptions, close: () => void) {
    this.options = options
    this.close = close
    this.node = options.node
  }

  get state(): ConnectionState {
    return this.#state
  }

  get isOver(): boolean {
    return this.#state === 'refused' || this.#state === 'ended'
  }

  change(state: ConnectionState, cause?: Error): void {
    if (this.isOver || (state === this.#state && !cause)) return
    this.#state = state
    if (this.isOver) for (const lane of [this.#lanes.control, this.#lanes.bulk]) lane.stop()
    this.options.onChange?.(state, cause)
  }

  /** Makes a route for a lane, unless there is one, or will be one. */
  dial(lane: LaneName, dialler: Dialler): void {
    if (!this.#lanes[lane].isBusy) this.redial(lane, dialler)
  }

  /** Makes a route for a lane, after a delay. */
  redial(lane: LaneName, dialler: Dialler): void {
    if (this.isOver) return
    const dial = this.#lanes[lane]
    const { dialWithinMs } = dialler
    dial.isBusy = true
    dial.attempt += 1
    const attempt: Attempt = { connection: this, lane, attempt: dial.attempt }
    const stopTimer = dialler.after(dialWithinMs, { type: 'dial-failed', ...attempt, cause: undefined })
    const giveUp = new AbortController()
    dial.stop = () => {
      stopTimer()
      giveUp.abort()
    }
    new Promise<Route>((resolve) => resolve(this.options.dial(lane, giveUp.signal))).then(
      (route) => {
        if (giveUp.signal.aborted) return route.close()
        stopTimer()
        dialler.tell({ type: 'dialled', ...attempt, route })
      },
      (failure: unknown) => dialler.tell({ type: 'dial-failed', ...attempt, cause: failure }),
    )
  }

  /** Takes the route of the present attempt. False for a route that comes too late. */
  take(lane: LaneName, attempt: number): boolean {
    if (!this.isPresent(lane, attempt)) return false
    this.#lanes[lane].stop = nothing
    return true
  }

  isPresent(lane: LaneName, attempt: number): boolean {
    return !this.isOver && this.#lanes[lane].attempt === attempt
  }

  /** The lane needs no route for now. */
  rest(lane: LaneName): void {
    const dial = this.#lanes[lane]
    dial.stop()
    dial.stop = nothing
    dial.attempt += 1
    dial.isBusy = false
  }

  /** After the end of an attempt, or of a route, dials again after a delay. */
  retry(lane: LaneName, dialler: Dialler, cause?: Error): void {
    if (this.isOver) return
    const dial = this.#lanes[lane]
    dial.stop()
    dial.attempt += 1
    const { delayMs } = dial
    dial.delayMs = Math.min(longestDelayMs, delayMs * (isBusy(cause) ? busyGrowth : growth))
    dial.stop = dialler.after(delayMs * (0.5 + 0.5 * dialler.random()), { type: 'redial', connection: this, lane })
    if (lane === 'control') this.change('connecting', cause)
  }

  /** Ends the growth of the delays after a route that lived long, or on which envelopes moved. */
  fared(lane: LaneName, lifeMs: number, hasMoved: boolean): void {
    if (hasMoved || lifeMs >= longLifeMs) this.#lanes[lane].delayMs = firstDelayMs
  }
}

function isBusy(cause: Error | undefined): boolean {
  return isLinkError(cause) && busyCodes.includes(cause.code)
}
