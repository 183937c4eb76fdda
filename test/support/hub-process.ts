import { createServer } from 'node:http'
import { hub } from '../../runtime/index.ts'
import { acceptWebSockets } from '../../runtime/link/ws/index.ts'
import { listening } from './web-sockets.ts'

/**
 * A hub in a process of its own, at the port of the first argument. Says its port once it listens, and ends with the
 * process that has started it.
 */
process.stdin.resume().once('end', () => process.exit())
const relay = hub({ mayServe: async ({ token }) => token === 'secret' })
const server = createServer()
acceptWebSockets(server, { onRoute: (route, from) => relay.accept(route, from) })
console.log(await listening(server, Number(process.argv[2])))
