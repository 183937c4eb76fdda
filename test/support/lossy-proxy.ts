import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A proxy of a MongoDB server that loses answers to writes. */
export interface LossyProxy extends AsyncDisposable {
  readonly port: number
  /** Answers lost so far. */
  readonly lost: number
}

/** Beginnings of writing commands in a message: the type code of a string, then the command's name. */
const writes = ['insert', 'update', 'delete', 'findAndModify'].map((name) => Buffer.from(`\u0002${name}\0`))

/**
 * Passes all bytes to the server of a port and back. If `isLost` answers true for a write, the proxy breaks the
 * connection when the write's answer comes: then the write has taken effect.
 */
export async function lossyProxy(serverPort: number, isLost: () => boolean): Promise<LossyProxy> {
  let lost = 0
  const open = new Set<Socket>()
  const proxy = createServer((client) => {
    const server = connect(serverPort, '127.0.0.1')
    let answerIsLost = false
    const end = () => {
      for (const socket of [client, server]) {
        open.delete(socket)
        socket.destroy()
      }
    }
    for (const socket of [client, server]) {
      open.add(socket)
      socket.on('error', end).on('close', end)
    }
    client.on('data', (bytes) => {
      if (writes.some((write) => bytes.includes(write)) && isLost()) answerIsLost = true
      server.write(bytes)
    })
    server.on('data', (bytes) => {
      if (!answerIsLost) return void client.write(bytes)
      lost += 1
      end()
    })
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const address = proxy.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    get lost() {
      return lost
    },
    async [Symbol.asyncDispose]() {
      proxy.close()
      for (const socket of open) socket.destroy()
      await once(proxy, 'close')
    },
  }
}
