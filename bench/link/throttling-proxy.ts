import { connect, createServer, type Socket } from 'node:net'

/** Bytes that one connection may send before the next has its turn, as fair queues of routers do it. */
const quantumBytes = 8 * 1024
/** Bytes of a connection that may wait; then the sender is held back. */
const mostWaiting = 64 * 1024

/** Bytes of one connection in one direction, which wait for the narrow part of the way. */
interface Flow {
  readonly from: Socket
  readonly to: Socket
  chunks: Buffer[]
  waiting: number
}

/**
 * Program: forwards connections to a port, with a rate for each direction that all connections share in turn, and a
 * delay. Arguments: port, bytes a second, delay in ms. One queue and one timer for each direction, since a timer for
 * each chunk would reorder bytes.
 */
const [port = 0, rate = 0, delayMs = 0] = process.argv.slice(2).map(Number)

class Direction {
  readonly #flows = new Set<Flow>()
  #credit = 0
  #last = performance.now()
  readonly #onTheWay: { readonly at: number; readonly to: Socket; readonly chunk: Buffer }[] = []

  constructor() {
    setInterval(() => this.#tick(), 1)
  }

  join(from: Socket, to: Socket): void {
    const flow: Flow = { from, to, chunks: [], waiting: 0 }
    this.#flows.add(flow)
    from.on('data', (chunk: Buffer) => {
      flow.chunks.push(chunk)
      flow.waiting += chunk.length
      if (flow.waiting > mostWaiting) from.pause()
    })
    from.on('close', () => {
      this.#flows.delete(flow)
      to.destroy()
    })
    from.on('error', () => {})
  }

  #tick(): void {
    const now = performance.now()
    // Idle time earns no more than 5 ms of the rate.
    this.#credit = Math.min(this.#credit + ((now - this.#last) * rate) / 1000, (rate * 5) / 1000 + quantumBytes)
    // A late timer must not lower the rate.
    if (now - this.#last > 5) this.#credit += ((now - this.#last - 5) * rate) / 1000
    this.#last = now
    for (let isBusy = true; isBusy && this.#credit > 0; ) {
      isBusy = false
      for (const flow of this.#flows) {
        if (this.#credit <= 0 || flow.waiting === 0) continue
        isBusy = true
        const chunk = this.#take(flow)
        this.#credit -= chunk.length
        this.#onTheWay.push({ at: now + delayMs, to: flow.to, chunk })
      }
    }
    while (this.#onTheWay[0] && this.#onTheWay[0].at <= now) {
      const arrived = this.#onTheWay.shift()
      arrived?.to.write(arrived.chunk)
    }
  }

  #take(flow: Flow): Buffer {
    const first = flow.chunks.shift() ?? Buffer.alloc(0)
    const chunk = first.subarray(0, quantumBytes)
    if (chunk.length < first.length) flow.chunks.unshift(first.subarray(chunk.length))
    flow.waiting -= chunk.length
    if (flow.waiting <= mostWaiting) flow.from.resume()
    return chunk
  }
}

const [up, down] = [new Direction(), new Direction()]
const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port, host: '127.0.0.1', noDelay: true })
  upstream.on('error', () => client.destroy())
  up.join(client, upstream)
  down.join(upstream, client)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.send?.({ ready: typeof address === 'object' && address ? address.port : 0 })
})
