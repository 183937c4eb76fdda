import { type Clock, systemClock } from '../kernel/clocks.ts'
import { Arrivals } from './arrivals.ts'
import { linkError } from './errors.ts'
import type { DialRoute, Route } from './frame.ts'
import { encodeHubGreeting, hubWords } from './hub.ts'

/**
 * Dials a node through a hub: `dial` makes routes to the hub, and `name` is the name under which the node serves there.
 * The dialling rejects with the errors of `dial`, or with LINK_UNREACHABLE if nobody serves under this name.
 */
export function dialThroughHub(dial: DialRoute, name: string): DialRoute {
  return async (lane, signal) => {
    const route = new HubRoute(await dial(lane, signal), name)
    const giveUp = () => route.close()
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      await route.join(encodeHubGreeting(hubWords.dial, name))
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
    signal.throwIfAborted()
    return route
  }
}

export interface HubServiceOptions {
  /** Makes routes to the hub. */
  readonly dial: DialRoute
  /** The name under which other nodes dial this node. */
  readonly name: string
  /** Proves to the hub that this node may serve under the name. */
  readonly token: string
  /** Takes a route to a node that has dialled. */
  readonly onRoute: (route: Route) => void
  /** Hears why there is no route to the hub now, or why the hub refuses this node. Dialling goes on. */
  readonly onTrouble?: (cause: unknown) => void
  /** Number of routes that wait at the hub for nodes that dial. Default: 4. */
  readonly waiting?: number
  /** A waiting route is made anew after this time, since networks forget idle connections. Default: 30,000. */
  readonly renewEveryMs?: number
  readonly clock?: Clock
}

const firstDelayMs = 5
const longestDelayMs = 5000

/** Serves under a name at a hub. Returns a function that ends it; routes that were taken stay. */
export function serveAtHub(options: HubServiceOptions): () => void {
  const { dial, name, token, onRoute, onTrouble, waiting = 4 } = options
  const { renewEveryMs = 30_000, clock = systemClock() } = options
  const closing = new AbortController()
  for (let place = 0; place < waiting; place++) void keepWaiting()
  return () => closing.abort()

  /** Keeps one route waiting at the hub, after another. */
  async function keepWaiting(): Promise<void> {
    for (let delayMs = firstDelayMs; !closing.signal.aborted; ) {
      try {
        const route = await joined()
        delayMs = firstDelayMs
        if (route) onRoute(route)
      } catch (cause) {
        if (closing.signal.aborted) return
        onTrouble?.(cause)
        await new Promise<void>((resolve) => clock.schedule(delayMs, resolve))
        delayMs = Math.min(longestDelayMs, 2 * delayMs)
      }
    }
  }

  /** Waits for a node that dials. Undefined if the waiting route has become old. */
  async function joined(): Promise<Route | undefined> {
    const route = new HubRoute(await dial('control', closing.signal), name)
    let isOld = false
    const giveUp = () => route.close()
    const stopTimer = clock.schedule(renewEveryMs, () => {
      isOld = true
      route.close()
    })
    closing.signal.addEventListener('abort', giveUp, { once: true })
    try {
      await route.join(encodeHubGreeting(hubWords.serve, name, token))
      return route
    } catch (cause) {
      if (isOld) return undefined
      throw cause
    } finally {
      stopTimer()
      closing.signal.removeEventListener('abort', giveUp)
    }
  }
}

/** A route to another node through a hub. The first frame of the hub tells whether there is another node. */
class HubRoute implements Route {
  readonly isRelayed = true
  readonly #route: Route
  readonly #name: string
  readonly #arrivals: Arrivals
  #isJoined = false
  #refuse: (cause: Error) => void = () => {}

  constructor(route: Route, name: string) {
    this.#route = route
    this.#name = name
    this.#arrivals = new Arrivals(() => route.close())
  }

  /** Greets the hub, and waits until it has joined this route to another one. Rejects with LINK_UNREACHABLE. */
  join(greeting: Uint8Array<ArrayBuffer>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#refuse = (cause) => {
        this.#route.close()
        reject(cause)
      }
      this.#route.listen({
        heard: (frame) => {
          if (this.#isJoined) return this.#arrivals.heard(frame)
          const [word] = frame
          if (word !== hubWords.joined) return this.#refuse(this.#unreachable(word))
          this.#isJoined = true
          resolve()
        },
        lost: (cause) => {
          this.#refuse(cause ?? this.#unreachable(undefined))
          this.#arrivals.lose(cause)
        },
      })
      this.#route.send(greeting)
    })
  }

  get queuedBytes(): number | undefined {
    return this.#route.queuedBytes
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (!this.#arrivals.isOver) this.#route.send(frame)
  }

  listen(listener: Parameters<Route['listen']>[0]): void {
    this.#arrivals.listen(listener)
  }

  close(): void {
    this.#arrivals.close()
    this.#route.close()
    this.#refuse(this.#unreachable(undefined))
  }

  #unreachable(word: number | undefined): Error {
    const found =
      word === hubWords.nobody
        ? 'no node serves under this name at the hub'
        : word === hubWords.refused
          ? 'the hub refuses this node'
          : 'the hub has closed the route'
    return linkError('LINK_UNREACHABLE', { address: this.#name, found })
  }
}
