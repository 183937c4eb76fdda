import { weightCount } from './bench-messages.ts'
import { answering } from './child.ts'
import { answerOf, dialOf, join, rawSocket } from './client.ts'
import { weightsExchange } from './weights.ts'

/**
 * Program: a node, or a bare WebSocket, that exchanges weights with a server. Arguments: `link` or `raw`, and the
 * server's port.
 */
const [kind, port] = [process.argv[2], Number(process.argv[3])]
const weights = new Float32Array(weightCount).fill(0.5)

async function exchangeOf(): Promise<() => Promise<unknown>> {
  if (kind === 'link') {
    const exchange = weightsExchange(await join(dialOf(port)))
    return () => exchange(weights)
  }
  const socket = await rawSocket(port)
  // Both ends have an array into which they copy what comes, as the link has its slots.
  const taken = new Uint8Array(new Float32Array(weightCount).buffer)
  return async () => {
    const answer = answerOf(socket)
    socket.send(new Uint8Array(weights.buffer))
    taken.set(await answer)
  }
}

const exchange = await exchangeOf()
answering({
  /** Sends the weights, and waits for the server's. Returns the seconds. */
  async exchange() {
    const began = performance.now()
    await exchange()
    return (performance.now() - began) / 1000
  },
})
process.send?.({ ready: 1 })
