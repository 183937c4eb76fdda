import { memoryRoute, type NodeLink, type Route, type RouteListener } from '../../runtime/index.ts'

/**
 * The fate of a frame. A cut loses the route and all frames under way on it: `lose` before this frame arrives, `cut`
 * after.
 */
export type Fate = 'deliver' | 'cut' | 'lose' | 'drop'

export interface FaultyRoutesOptions {
  /** The node that dials, the node that accepts, and the accepting node's name. */
  readonly dialling: NodeLink
  readonly accepting: NodeLink
  readonly accepted: string
  /** Decides the fate of a frame that is about to arrive. `direction` 0: from the dialling node. Default: deliver. */
  readonly fate?: (frame: Uint8Array, direction: 0 | 1) => Fate
  /** Picks the direction of the next frame. Default: the dialling node's first. */
  readonly pick?: (count: number) => number
}

/** Routes between two nodes, one at a time. After a cut another route follows, until `stop`. */
export interface FaultyRoutes {
  /** Numbers of arrived frames and of cut routes. */
  readonly arrived: number
  readonly cuts: number
  /** Lets one frame arrive, or makes a route if there is none. False if there was nothing to do. */
  step(): boolean
  cut(): void
  /** Cuts the route, and makes no further route. */
  stop(): void
}

export function faultyRoutes({ dialling, accepting, accepted, fate, pick }: FaultyRoutesOptions): FaultyRoutes {
  let ends: readonly [HeldEnd, HeldEnd] | undefined
  let isStopped = false
  const count = { arrived: 0, cuts: 0 }

  function connect(): void {
    const dialled = new HeldEnd()
    const answering = new HeldEnd()
    ends = [dialled, answering]
    dialled.onClose = answering.onClose = () => void (ends = undefined)
    dialled.other = answering
    answering.other = dialled
    dialling.dial(accepted, dialled, { mayStop: true })
    accepting.accept(answering, { mayStop: true })
  }

  function cut(): void {
    const lost = ends
    ends = undefined
    if (!lost) return
    count.cuts += 1
    for (const end of lost) end.lose()
  }

  return {
    get arrived() {
      return count.arrived
    },
    get cuts() {
      return count.cuts
    },
    step() {
      if (isStopped) return false
      if (!ends) {
        connect()
        return true
      }
      const waiting = ([0, 1] as const).filter((direction) => ends?.[direction].canArrive)
      const direction = waiting[waiting.length > 1 && pick ? pick(waiting.length) : 0]
      const frame = direction === undefined ? undefined : ends[direction].sent.shift()
      if (direction === undefined || !frame) return false
      const made = fate?.(frame, direction) ?? 'deliver'
      if (made === 'deliver' || made === 'cut') {
        count.arrived += 1
        ends[direction].other?.listener?.heard(frame)
      }
      if (made === 'cut' || made === 'lose') cut()
      return true
    },
    cut,
    stop() {
      isStopped = true
      cut()
    },
  }
}

/** One end of a route. Its frames wait until a step lets them arrive. */
class HeldEnd implements Route {
  /** Frames are copied as they are sent. */
  readonly queuedBytes = 0
  readonly sent: Uint8Array<ArrayBuffer>[] = []
  other: HeldEnd | undefined
  listener: RouteListener | undefined
  onClose = () => {}
  #isOver = false

  /** Whether a frame waits, and the other node listens. */
  get canArrive(): boolean {
    return this.sent.length > 0 && this.other?.listener !== undefined
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.#isOver) this.sent.push(frame.slice())
  }

  listen(listener: RouteListener): void {
    this.listener = listener
  }

  /** Closes the route in order: frames that were sent before still arrive. */
  close(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const frame of this.sent.splice(0)) this.other?.listener?.heard(frame)
    this.other?.lose()
    this.onClose()
  }

  lose(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.listener?.lost()
  }
}

/** Joins two nodes by a route without faults. */
export function joined(dialling: NodeLink, accepting: NodeLink, accepted: string): void {
  const [left, right] = memoryRoute()
  dialling.dial(accepted, left, { mayStop: true })
  accepting.accept(right, { mayStop: true })
}
