import { createServer } from 'node:http'
import { actorSystem, nodeLink } from '../../runtime/index.ts'
import { acceptWebSockets, dialWebSocket } from '../../runtime/link/ws/index.ts'
import { listening } from './web-sockets.ts'

/** Two nodes that are joined, and end while further routes come. The process then ends by itself, if nothing is left. */
const server = createServer()
const [one, other] = [actorSystem({ name: 'one' }), actorSystem({ name: 'other' })]
const accepting = nodeLink(one)
const accepted = acceptWebSockets(server, {
  onRoute: (route) => accepting.accept(route, { mayStop: false }),
})
const port = await listening(server)
const dial = dialWebSocket(`ws://127.0.0.1:${port}`)
const rights = { mayStop: false }
await new Promise<void>((resolve) => {
  const link = nodeLink(other, { onPeer: () => resolve() })
  link.connect({ dial, rights })
})
const late = await dial('control', new AbortController().signal)
await Promise.all([one.terminate(), other.terminate()])
accepting.accept(late, { mayStop: false })
accepted.close()
server.close()
console.log('left to end')
