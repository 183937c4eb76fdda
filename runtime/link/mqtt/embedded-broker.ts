import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type Duplex, duplexPair } from 'node:stream'
import { createServer as createSecureServer } from 'node:tls'
import type { ServerTls } from '../../node/index.ts'
import { mostFrameBytes } from '../frame.ts'
import type { BrokerGuestsOptions } from './broker-claim.ts'
import { BrokerGuests } from './broker-guests.ts'
import type { Aedes } from './bundled-aedes.ts'
import { PacketBound } from './packet-bound.ts'

export interface EmbeddedBrokerOptions extends BrokerGuestsOptions {
  /** Default: a free port. */
  readonly port?: number
  /** Default: 127.0.0.1. */
  readonly host?: string
  /** Certificate and private key: clients then connect by TLS. Changes of the files are used for later connections. */
  readonly tls?: Pick<ServerTls, 'options' | 'renew'>
  /** Default: 20,000. */
  readonly mostConnections?: number
  /** Time within which a client must ask for its connection. Default: 5,000. */
  readonly connectWithinMs?: number
  /** Looks at a connection before anything is read from it. A rejection closes the connection. */
  readonly admits?: (socket: Socket) => Promise<void>
}

export interface EmbeddedBroker extends AsyncDisposable {
  /** mqtt://host:port or mqtts://host:port */
  readonly url: string
  readonly port: number
  /** Number of connections from elsewhere. */
  readonly count: number
  /** Makes a connection within this process, for a client that authenticates as all others do. */
  connect(): Duplex
  close(): Promise<void>
}

/** A packet that asks for a connection holds a user and a password, which may be a token. */
const mostFirstBytes = 16 * 1024
/** The longest frame, and its topic. */
const mostPacketBytes = mostFrameBytes + 4096
const mostKeepAliveSeconds = 600

/**
 * A broker in this process, for routes alone: each client authenticates, devices reach topics of their own only, and
 * nothing is kept: neither retained messages nor sessions, nor messages that a device doesn't read.
 */
export async function embeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { port = 0, host = '127.0.0.1', tls, mostConnections = 20_000, connectWithinMs = 5000, admits } = options
  const guests = new BrokerGuests(options)
  const sockets = new Set<Socket>()
  const broker = await brokerFor(guests, connectWithinMs)
  const take = async (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    try {
      await admits?.(socket)
    } catch (cause) {
      guests.turnedAway(socket, cause instanceof Error ? cause.message : String(cause))
      socket.destroy()
    }
    if (socket.destroyed) return
    boundPackets(socket)
    broker.handle(socket)
  }
  const listener = (socket: Socket) => void take(socket)
  const secure = tls && createSecureServer({ ...tls.options, handshakeTimeout: connectWithinMs }, listener)
  if (secure) tls.renew(secure)
  // A failed handshake is the client's fault, and its connection is closed.
  secure?.on('tlsClientError', () => {})
  const server = secure ?? createServer(listener)
  server.maxConnections = mostConnections
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  const taken = typeof address === 'object' && address !== null ? address.port : port
  const close = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    await new Promise<void>((resolve) => broker.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    url: `${tls ? 'mqtts' : 'mqtt'}://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    port: taken,
    get count() {
      return sockets.size
    },
    connect() {
      const [near, far] = duplexPair()
      broker.handle(far)
      return near
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function brokerFor(guests: BrokerGuests, connectTimeout: number): Promise<Aedes> {
  // Most programs have no broker of their own.
  const { Aedes } = await import('./bundled-aedes.ts')
  return Aedes.createBroker({
    // Deliveries to devices never wait. At a bound, those to the accepting node would hold up all others.
    concurrency: 0,
    connectTimeout,
    keepaliveLimit: mostKeepAliveSeconds,
    maxTopicLevels: 10,
    preConnect(client, { clean, will, clientId }, done) {
      const isFit =
        clean === true && clientId !== '' && clientId.length <= 200 && (!will || (!will.retain && will.qos === 0))
      if (!isFit) guests.refused(client, 'a session or a will that is to be kept, or no identifier')
      done(isFit ? null : new Error('refused'), isFit)
    },
    authenticate(client, username = '', password, done) {
      const answer = async () => {
        const returnCode = await guests.admit(client, username, password?.toString() ?? '')
        if (returnCode === undefined) done(null, true)
        else done(Object.assign(new Error('refused'), { returnCode }), false)
      }
      void answer()
    },
    authorizePublish(client, message, done) {
      // The broker itself publishes its own state, without a client.
      const isAllowed = client === null || guests.mayPublish(client, message)
      done(isAllowed ? null : new Error('refused'))
    },
    authorizeSubscribe: (client, subscription, done) =>
      done(null, guests.maySubscribe(client, subscription) ? subscription : null),
    authorizeForward: (client, message) => (guests.mayReceive(client) ? message : null),
  })
}

/** Closes a connection at the beginning of a packet that is too long. The broker itself would take in the packet. */
function boundPackets(socket: Socket): void {
  const bound = new PacketBound(mostFirstBytes, mostPacketBytes)
  const read = socket.read.bind(socket)
  socket.setNoDelay(true)
  socket.read = (size?: number) => {
    const bytes: unknown = read(size)
    if (!(bytes instanceof Uint8Array) || bound.keeps(bytes)) return bytes
    socket.destroy()
    return null
  }
}
