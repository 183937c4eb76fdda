import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Chances, type Faults, FaultyStream } from './faulty-stream.ts'
import { resetSocket } from './reset-socket.ts'

export interface FaultProxyOptions {
  readonly target: { readonly host?: string; readonly port: number }
  /** Port to listen on, on 127.0.0.1. Default: a free one. */
  readonly port?: number
  /** Decides all chances. Their effects depend on the times of the bytes, too. */
  readonly seed?: number
  readonly faults?: Faults
}

interface FaultCounts {
  /** Connections that were made, were cut, and are open. */
  readonly made: number
  readonly cut: number
  readonly open: number
  /** Pieces in which a byte was changed. */
  readonly damaged: number
  /** Bytes that were received and not yet passed on. */
  readonly bytesUnderWay: number
}

/** A proxy for connections over TCP, which does harm to them. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  readonly counts: FaultCounts
  /** Replaces the faults, of open connections, too. */
  set(faults: Faults): void
  /** Cuts all open connections, in the way of `lateShare`. */
  cut(): void
  close(): Promise<void>
}

/** Starts a proxy on 127.0.0.1. Throws the system's errors if the port is taken. */
export async function faultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { target, seed = 1 } = options
  const chances = new Chances(seed)
  const pairs = new Set<Pair>()
  const sockets = new Set<Socket>()
  const counts = { made: 0, cut: 0, damaged: 0 }
  let faults = options.faults ?? {}
  let nextCut: NodeJS.Timeout | undefined
  // A half-closed connection goes on in the other direction.
  const server = createServer({ allowHalfOpen: true }, accept)
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  planCut()
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new TypeError('the proxy listens on no port')

  const close = async () => {
    clearTimeout(nextCut)
    for (const socket of sockets) socket.destroy()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  return {
    port: address.port,
    get counts() {
      const bytesUnderWay = [...pairs].reduce((sum, { up, down }) => sum + up.bytesUnderWay + down.bytesUnderWay, 0)
      return { ...counts, open: pairs.size, bytesUnderWay }
    },
    set(changed) {
      faults = changed
      for (const { up, down } of pairs) for (const stream of [up, down]) stream.faults = changed
      planCut()
    },
    cut() {
      for (const pair of [...pairs]) cutPair(pair)
    },
    close,
    [Symbol.asyncDispose]: close,
  }

  function accept(near: Socket): void {
    if (faults.isRefusing) return void resetSocket(near)
    counts.made += 1
    if (faults.isSilent) return void hold(near).resume()
    const far = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true })
    const events = {
      damaged: () => {
        counts.damaged += 1
      },
      passedAll: () => {
        if (pairs.has(pair)) cutPair(pair)
      },
    }
    const up = new FaultyStream(near, far, faults, chances, events)
    const down = new FaultyStream(far, near, faults, chances, events)
    const pair: Pair = { near, far, up, down }
    pairs.add(pair)
    for (const [socket, other, stream] of [
      [near, far, up],
      [far, near, down],
    ] as const)
      hold(socket).once('close', () => {
        if (faults.isSilent || up.isSilent || down.isSilent) return
        if (pairs.delete(pair)) stream.whenEmpty(() => other.destroy())
      })
  }

  /** Keeps a socket until it closes. Its errors are closes to the other side. */
  function hold(socket: Socket): Socket {
    sockets.add(socket)
    return socket
      .setNoDelay()
      .on('error', () => {})
      .once('close', () => sockets.delete(socket))
  }

  function planCut(): void {
    clearTimeout(nextCut)
    const { cutEveryMs } = faults
    if (cutEveryMs === undefined) return
    nextCut = setTimeout(() => {
      const pair = [...pairs][chances.below(pairs.size)]
      if (pair) cutPair(pair)
      planCut()
    }, chances.interval(cutEveryMs)).unref()
  }

  function cutPair(pair: Pair): void {
    const { near, far, up, down } = pair
    pairs.delete(pair)
    counts.cut += 1
    const { lateShare = 0, lateMs = 100 } = faults
    down.stop()
    resetSocket(near)
    if (chances.happens(lateShare)) setTimeout(() => up.whenEmpty(() => far.destroy()), lateMs).unref()
    else resetSocket(far)
  }
}

/** A connection through the proxy: from its maker to the target (up), and back (down). */
interface Pair {
  readonly near: Socket
  readonly far: Socket
  readonly up: FaultyStream
  readonly down: FaultyStream
}
