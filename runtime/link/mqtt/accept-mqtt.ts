import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Arrivals } from '../arrivals.ts'
import type { LaneName, Route } from '../frame.ts'
import { type BrokerAccess, type BrokerClient, brokerAddress, brokerClient } from './broker-client.ts'
import { acceptedTopics, goneTopic, type UpTopic, upTopicReader, willOf } from './topics.ts'

export interface MqttAcceptOptions extends BrokerAccess {
  /** Name of this node, by which others dial it. */
  readonly node: string
  /** Takes a route that another node has made. `from` is the user that the other node is at the broker. */
  readonly onRoute: (route: Route, from: string) => void
  /** Called when a lane's connection with the broker is lost, with the cause, and when it is there again. */
  readonly onBroker?: (lane: LaneName, lost: Error | undefined) => void
  /** Spreads the attempts of many nodes to reach a broker that is back. Default: Math.random. */
  readonly random?: () => number
  /** Most routes of a user at once; requests for further ones are not answered. Default: 1,000. */
  readonly mostRoutesOfUser?: number
}

export interface AcceptedMqtt extends AsyncDisposable {
  /** Number of open routes. */
  readonly count: number
  /** Closes all routes, and leaves the broker. */
  close(): void
}

const lanes: readonly LaneName[] = ['control', 'bulk']
const firstBackOffMs = 50
const mostBackOffMs = 5000

/**
 * Accepts routes over an MQTT broker, by two clients for all routes together: one for each lane. Rejects if the broker
 * refuses this node or can't be reached; later, a client that has lost the broker tries until it is there again.
 * @throws LINK_ADDRESS, LINK_TOPIC, LINK_UNREACHABLE, LINK_CERTIFICATE, LINK_BROKER
 */
export async function acceptMqtt(url: string | URL, options: MqttAcceptOptions): Promise<AcceptedMqtt> {
  const address = brokerAddress(url)
  const users = new Map<string, number>()
  const acceptors = lanes.map((lane) => new LaneAcceptor(address, lane, users, options))
  const close = () => {
    for (const acceptor of acceptors) acceptor.close()
  }
  try {
    await Promise.all(acceptors.map((acceptor) => acceptor.connect()))
  } catch (cause) {
    close()
    throw cause
  }
  return {
    get count() {
      return acceptors.reduce((sum, { count }) => sum + count, 0)
    },
    close,
    async [Symbol.asyncDispose]() {
      close()
    },
  }
}

/** The routes of one lane. */
class LaneAcceptor {
  readonly #url: URL
  readonly #lane: LaneName
  readonly #options: MqttAcceptOptions
  readonly #users: Map<string, number>
  readonly #read: (topic: string) => UpTopic | undefined
  readonly #closing = new AbortController()
  readonly #routes = new Map<string, AcceptedRoute>()
  #client: BrokerClient | undefined
  /** Names the present connection with the broker to other nodes. */
  #id = ''

  constructor(url: URL, lane: LaneName, users: Map<string, number>, options: MqttAcceptOptions) {
    this.#url = url
    this.#lane = lane
    this.#users = users
    this.#options = options
    this.#read = upTopicReader(options.node)
  }

  get count(): number {
    return this.#routes.size
  }

  async connect(): Promise<void> {
    const { node } = this.#options
    this.#id = randomBytes(6).toString('hex')
    this.#client = await brokerClient(this.#url, {
      ...this.#options,
      // Nobody else learns it: who connects by the identifier of another client ends the other's connection.
      clientId: `${randomBytes(6).toString('hex')}-${this.#lane}`,
      will: { topic: goneTopic(node), payload: willOf(this.#id) },
      topics: [acceptedTopics(node, this.#lane)],
      heard: (topic, payload) => this.#heard(topic, payload),
      lost: (cause) => this.#lost(cause),
      signal: this.#closing.signal,
    })
  }

  close(): void {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new Error('the node accepts no further routes'))
    this.#client?.publish(goneTopic(this.#options.node), this.#id)
    this.#client?.end()
    this.#client = undefined
    this.#loseAll()
  }

  #lost(cause: Error): void {
    this.#client = undefined
    this.#options.onBroker?.(this.#lane, cause)
    this.#loseAll(cause)
    void this.#reconnect()
  }

  #loseAll(cause?: Error): void {
    for (const [topic, route] of [...this.#routes]) {
      this.#forget(topic, route)
      route.arrivals.lose(cause)
    }
  }

  async #reconnect(): Promise<void> {
    const { signal } = this.#closing
    const { random = Math.random } = this.#options
    for (let backOffMs = firstBackOffMs; !signal.aborted; backOffMs = Math.min(mostBackOffMs, 2 * backOffMs)) {
      await setTimeout(backOffMs * (0.5 + random() / 2), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      try {
        await this.connect()
        this.#options.onBroker?.(this.#lane, undefined)
        return
      } catch (cause) {
        if (!signal.aborted)
          this.#options.onBroker?.(this.#lane, cause instanceof Error ? cause : new Error(String(cause)))
      }
    }
  }

  #heard(topic: string, payload: Uint8Array<ArrayBuffer>): void {
    const known = this.#routes.get(topic)
    if (known) return known.arrivals.heard(payload)
    const place = this.#read(topic)
    if (!place) return
    switch (place.signal) {
      case 'open':
        if (this.#hasRoom(place.user)) this.#client?.publish(`${place.down}/opened`, this.#id)
        return
      case 'ready':
        return this.#ready(place, new TextDecoder().decode(payload.subarray(0, 100)))
      case 'bye': {
        const route = this.#routes.get(place.route)
        if (!route) return
        this.#forget(place.route, route)
        return route.arrivals.lose()
      }
      case 'gone':
        return this.#routes.get(place.route)?.arrivals.doubt()
      case undefined:
        // This node knows nothing of the route: the broker, or this node, was away in the meantime.
        return this.#client?.publish(`${place.down}/bye`, '')
    }
  }

  #hasRoom(user: string): boolean {
    return (this.#users.get(user) ?? 0) < (this.#options.mostRoutesOfUser ?? 1000)
  }

  #ready({ route: topic, down, user }: UpTopic, to: string): void {
    const client = this.#client
    if (!client || to !== this.#id || this.#routes.has(topic) || !this.#hasRoom(user)) return
    const leave = () => {
      this.#forget(topic, accepted)
      client.publish(`${down}/bye`, '')
    }
    const arrivals = new Arrivals(leave)
    const accepted: AcceptedRoute = { arrivals, user }
    this.#routes.set(topic, accepted)
    this.#users.set(user, (this.#users.get(user) ?? 0) + 1)
    const route: Route = {
      isRelayed: true,
      send(frame) {
        if (!arrivals.isOver) client.publish(down, frame)
      },
      listen: (listener) => arrivals.listen(listener),
      close() {
        if (arrivals.isOver) return
        arrivals.close()
        leave()
      },
    }
    this.#options.onRoute(route, user)
  }

  #forget(topic: string, { user }: AcceptedRoute): void {
    if (!this.#routes.delete(topic)) return
    const left = (this.#users.get(user) ?? 1) - 1
    if (left > 0) this.#users.set(user, left)
    else this.#users.delete(user)
  }
}

interface AcceptedRoute {
  readonly arrivals: Arrivals
  readonly user: string
}
