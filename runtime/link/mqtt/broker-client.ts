import { connect as connectPlain, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectSecure } from 'node:tls'
import { linkError, unreachable } from '../errors.ts'
import { checkedUser } from './topics.ts'

export interface BrokerAccess {
  /** Makes a stream to a broker in this process. Absent: a connection to the broker's address. */
  readonly connect?: () => Duplex
  readonly username?: string
  readonly password?: string
  /** Certificates of the authorities that a broker's certificate may come from, PEM. Default: those that Node knows. */
  readonly ca?: string | readonly string[]
  /** This node's own certificate and private key, PEM, for a broker that asks for one. */
  readonly cert?: string
  readonly key?: string
  /** Time within which the broker must answer, and the other node after it. Default: 10,000. */
  readonly timeoutMs?: number
  /** A connection on which nothing travels for this time is tried by a ping. Default: 30. */
  readonly keepAliveSeconds?: number
}

export interface BrokerClientOptions extends BrokerAccess {
  readonly clientId: string
  /** A message that the broker sends if this client is lost. */
  readonly will: { readonly topic: string; readonly payload: string }
  /** Topics to hear. */
  readonly topics: readonly string[]
  readonly heard: (topic: string, payload: Uint8Array<ArrayBuffer>) => void
  /** Called once if the connection is lost after it was open, unless `end` was called. */
  readonly lost: (cause: Error) => void
  readonly signal: AbortSignal
}

export interface BrokerClient {
  publish(topic: string, payload: Uint8Array<ArrayBuffer> | string): void
  /** Leaves the broker in order: messages that were published before still leave, and the will isn't sent. */
  end(): void
}

const schemes: readonly string[] = ['mqtt:', 'mqtts:']
/** Codes of a refusal by MQTT 3.1.1. */
const refusals: Readonly<Record<number, string>> = {
  1: 'it speaks another version of MQTT',
  2: "it refuses the client's identifier",
  3: 'it is unavailable',
  4: 'user or password are wrong',
  5: 'the user may not connect',
}
const refusedTopic = 128
/** A connection that is half open would never be flushed. */
const endWithinMs = 3000

/** The address of a broker, mqtt://host:port or mqtts://host:port. @throws LINK_ADDRESS */
export function brokerAddress(url: string | URL): URL {
  const refused = (found: string) => linkError('LINK_ADDRESS', { address: String(url).replace(/\/\/.*@/, '//'), found })
  if (!URL.canParse(String(url))) throw refused('it cannot be read')
  const address = new URL(url)
  if (!schemes.includes(address.protocol)) throw refused('it begins with neither mqtt:// nor mqtts://')
  if (address.username || address.password) throw refused('it contains a user or a password')
  if (!address.hostname || !/^\/?$/.test(address.pathname) || address.search || address.hash)
    throw refused('a broker has a host and a port alone')
  return address
}

/**
 * Connects to a broker by MQTT 3.1.1, with a clean session, and hears some topics, all with QoS 0. Rejects with
 * LINK_UNREACHABLE, LINK_CERTIFICATE or LINK_BROKER.
 */
export async function brokerClient(url: URL, options: BrokerClientOptions): Promise<BrokerClient> {
  const { clientId, username, password, will, topics, heard, lost, signal } = options
  const { timeoutMs = 10_000, keepAliveSeconds = 30 } = options
  const address = url.href
  if (username !== undefined) checkedUser(username)
  // Most programs link their nodes by WebSocket.
  const { MqttClient } = await import('./bundled-mqtt.ts')
  const client = new MqttClient(() => options.connect?.() ?? streamTo(url, options), {
    clientId,
    protocolVersion: 4,
    clean: true,
    keepalive: keepAliveSeconds,
    // A ping is cheaper than a new timer for each message.
    reschedulePings: false,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    connectTimeout: timeoutMs,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 0, retain: false },
  })
  client.on('message', (topic, payload) => heard(topic, bytesOf(payload)))

  return new Promise((resolve, reject) => {
    let isOpen = false
    let isOver = false
    let fault: Error | undefined
    const aborted = () => over(signal.reason)
    const timer = setTimeout(
      () => over(linkError('LINK_UNREACHABLE', { address, found: `no answer within ${timeoutMs} ms` })),
      timeoutMs,
    )
    if (signal.aborted) aborted()
    else signal.addEventListener('abort', aborted, { once: true })
    client.on('error', (error) => {
      fault ??= error
    })
    client.on('close', () => over(causeOf(fault)))
    client.on('connect', () => {
      client.subscribe([...topics], { qos: 0 }, (error, granted = []) => {
        if (error && !granted.some(({ qos }) => qos === refusedTopic)) return over(causeOf(error))
        if (error || granted.some(({ qos }) => qos === refusedTopic))
          return over(refused('the user may not hear its topics'))
        settled()
        if (isOver) return
        isOpen = true
        resolve({ publish, end })
      })
    })

    function settled(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', aborted)
    }

    function over(cause: Error): void {
      if (isOver) return
      isOver = true
      settled()
      client.end(true)
      if (isOpen) lost(cause)
      else reject(cause)
    }

    function publish(topic: string, payload: Uint8Array<ArrayBuffer> | string): void {
      if (isOver) return
      client.publish(
        topic,
        typeof payload === 'string' ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.length),
      )
    }

    function end(): void {
      if (isOver) return
      isOver = true
      // A stream that is left keeps the process alive by itself. One within this process may never close.
      const late = setTimeout(() => client.stream.destroy(), endWithinMs).unref()
      client.end(false, () => clearTimeout(late))
    }
  })

  function causeOf(error: Error | undefined): Error {
    const code = error !== undefined && 'code' in error ? error.code : undefined
    return typeof code === 'number' && code in refusals ? refused(refusals[code] ?? '') : unreachable(address, error)
  }

  function refused(found: string): Error {
    return linkError('LINK_BROKER', { address, user: username ?? 'a client without user', found })
  }
}

function streamTo({ protocol, hostname, port }: URL, { ca, cert, key }: BrokerAccess) {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'mqtt:') return connectPlain({ host, port: Number(port || 1883), noDelay: true })
  return connectSecure({
    host,
    port: Number(port || 8883),
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }).setNoDelay(true)
}

/** The bytes of a message. They may share memory with other messages, but no message is written to. */
function bytesOf(payload: Buffer): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = payload
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, length) : new Uint8Array(payload)
}
