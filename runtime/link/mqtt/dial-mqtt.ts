import { randomBytes } from 'node:crypto'
import { Arrivals } from '../arrivals.ts'
import { linkError } from '../errors.ts'
import type { DialRoute, LaneName, Route } from '../frame.ts'
import { type BrokerAccess, type BrokerClient, brokerAddress, brokerClient } from './broker-client.ts'
import { checkedUser, goneTopic, topicsOf, willOf } from './topics.ts'

export interface MqttDialOptions extends BrokerAccess {
  /** Name of this node. */
  readonly node: string
  /** Name of the node that accepts routes. */
  readonly to: string
  /** A part of a route's name that no other life of this node has used. Default: random. */
  readonly life?: string
}

/** An unanswered request for a route is repeated: a broker may lose it, or the accepting node may not be back yet. */
const firstRepeatMs = 50
const mostRepeatMs = 1000

/**
 * Dials a node over an MQTT broker, with a client of its own for each route. A route is open when both nodes have heard
 * each other, and lost when this node has lost the broker, or the other node closes it. The last will of a client casts
 * doubt on the other node. It names the route, so that the will of an earlier route casts none on a later one.
 * @throws LINK_ADDRESS, LINK_TOPIC; the dialling rejects with LINK_UNREACHABLE, LINK_CERTIFICATE or LINK_BROKER.
 */
export function dialMqtt(url: string | URL, options: MqttDialOptions): DialRoute {
  const address = brokerAddress(url)
  const { node, to, username } = options
  const user = username === undefined ? undefined : checkedUser(username)
  const life = options.life ?? randomBytes(6).toString('hex')
  let epoch = 0
  const placeOf = (lane: LaneName) => ({ to, user, node, route: `${life}-${epoch}`, lane })
  topicsOf(placeOf('control'))
  return (lane, signal) => {
    epoch += 1
    return openedRoute(address, options, topicsOf(placeOf(lane)), `${life}-${epoch}-${lane}`, signal)
  }
}

async function openedRoute(
  url: URL,
  options: MqttDialOptions,
  { up, down }: { readonly up: string; readonly down: string },
  clientId: string,
  signal: AbortSignal,
): Promise<Route> {
  const { to, timeoutMs = 10_000 } = options
  const gone = goneTopic(to)
  let acceptor: string | undefined
  let opened = () => {}
  let failed: (cause: unknown) => void = () => {}
  const opening = new Promise<void>((resolve, reject) => {
    opened = resolve
    failed = reject
  })
  // A fault before the promise is awaited is no unhandled rejection.
  opening.catch(() => {})
  let client: BrokerClient | undefined
  const arrivals = new Arrivals(() => leave())
  client = await brokerClient(url, {
    ...options,
    clientId,
    will: { topic: `${up}/gone`, payload: '' },
    topics: [`${down}/#`, gone],
    heard,
    lost: (cause) => {
      failed(cause)
      arrivals.lose(cause)
    },
    signal,
  })
  let repeat: NodeJS.Timeout | undefined
  const ask = (againAfterMs: number) => {
    client.publish(`${up}/open`, '')
    repeat = setTimeout(() => ask(Math.min(mostRepeatMs, 2 * againAfterMs)), againAfterMs)
  }
  const late = setTimeout(() => failed(unanswered()), timeoutMs)
  const aborted = () => failed(signal.reason)
  signal.addEventListener('abort', aborted, { once: true })
  try {
    if (signal.aborted) throw signal.reason
    ask(firstRepeatMs)
    await opening
  } catch (cause) {
    client.end()
    throw cause
  } finally {
    clearTimeout(repeat)
    clearTimeout(late)
    signal.removeEventListener('abort', aborted)
  }
  return {
    isRelayed: true,
    send(frame) {
      if (!arrivals.isOver) client.publish(up, frame)
    },
    listen: (listener) => arrivals.listen(listener),
    close() {
      if (arrivals.isOver) return
      arrivals.close()
      leave()
    },
  }

  function heard(topic: string, payload: Uint8Array<ArrayBuffer>): void {
    if (topic === down) return acceptor === undefined ? undefined : arrivals.heard(payload)
    if (topic === `${down}/opened`) return open(textOf(payload))
    if (acceptor === undefined || arrivals.isOver) return
    if (topic === gone && textOf(payload) === willOf(acceptor)) return arrivals.doubt()
    if (topic !== `${down}/bye` && (topic !== gone || textOf(payload) !== acceptor)) return
    arrivals.lose()
    client?.end()
  }

  /** Another node of the same name may answer, too: the first that answers has the route. */
  function open(by: string): void {
    if (acceptor !== undefined) return
    acceptor = by
    client?.publish(`${up}/ready`, by)
    opened()
  }

  function leave(): void {
    client?.publish(`${up}/bye`, '')
    client?.end()
  }

  function unanswered(): Error {
    const found = `node ${to} does not answer over this broker within ${timeoutMs} ms`
    return linkError('LINK_UNREACHABLE', { address: url.href, found })
  }
}

function textOf(payload: Uint8Array<ArrayBuffer>): string {
  return new TextDecoder().decode(payload.subarray(0, 100))
}
