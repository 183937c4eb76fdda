import { createServer } from 'node:http'
import { hub } from '../../runtime/index.ts'
import { embeddedBroker } from '../../runtime/link/mqtt/index.ts'
import { acceptWebSockets } from '../../runtime/link/ws/index.ts'
import { answering } from './child.ts'
import { cpuNanoseconds } from './client.ts'

/** Program: what stands between the measured nodes, a hub or a broker. Argument: `hub` or `broker`. */
const ready = (port: number) => process.send?.({ ready: port })

answering({ cpuNanoseconds: async () => cpuNanoseconds() })
if (process.argv[2] === 'hub') {
  const relay = hub({ mayServe: async () => true })
  const server = createServer()
  acceptWebSockets(server, { onRoute: (route, from) => relay.accept(route, from) })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    ready(typeof address === 'object' && address ? address.port : 0)
  })
} else {
  const authenticate = async ({ username }: { readonly username: string }) =>
    username === 'server' ? { serves: 'server' } : {}
  ready((await embeddedBroker({ authenticate })).port)
}
