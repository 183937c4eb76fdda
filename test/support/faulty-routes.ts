import { memoryRoute, type NodeLink, type Route, type RouteListener } from '../../runtime/index.ts'

/** What becomes of a frame: a cut loses every frame that is under way with the route; `lose` before this one, `cut` after it. */
export type Fate = 'deliver' | 'cut' | 'lose' | 'drop'

export interface FaultyRoutesOptions {
  /** The node that dials, and the one that is dialled, by its name. */
  readonly dialling: NodeLink
  readonly accepting: NodeLink
  readonly accepted: string
  /** Of a frame that is about to arrive; `direction` 0 comes from the dialling node. Default: it is delivered. */
  readonly fate?: (frame: Uint8Array, direction: 0 | 1) => Fate
  /** Picks whose frame arrives next. Default: in turn. */
  readonly pick?: (count: number) => number
}

/** Routes between two nodes, one at a time: a route that is cut is followed by another as long as the nodes live. */
export interface FaultyRoutes {
  /** Frames that have arrived, and routes that were cut. */
  readonly arrived: number
  readonly cuts: number
  /** Lets one frame arrive, or makes a route where there is none; false if nothing was to be done. */
  step(): boolean
  cut(): void
  /** Cuts the route, and makes no other. */
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

/** One end of a route whose frames wait until they are let go. */
class HeldEnd implements Route {
  readonly sent: Uint8Array<ArrayBuffer>[] = []
  other: HeldEnd | undefined
  listener: RouteListener | undefined
  onClose = () => {}
  #isOver = false

  /** A frame was sent, and the other node listens. */
  get canArrive(): boolean {
    return this.sent.length > 0 && this.other?.listener !== undefined
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.#isOver) this.sent.push(frame.slice())
  }

  listen(listener: RouteListener): void {
    this.listener = listener
  }

  /** What was sent before still arrives, as with a connection that is closed properly. */
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
