import { once } from 'node:events'
import { get } from 'node:https'
import { connect, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { certificateAuthority } from '../../test/support/certificates.ts'
import { listening } from '../../test/support/web-sockets.ts'
import { tlsServer } from './tls-server.ts'

async function started(t: ExecutionContext) {
  const authority = await certificateAuthority('ours')
  const server = tlsServer(await authority.server())
  server.on('request', (_request, response) => void response.end('by TLS'))
  const port = await listening(server)
  t.teardown(() => server.close())
  return { server, port, ca: authority.cert }
}

async function answerAt(port: number, ca: string): Promise<string> {
  const request = get({ host: '127.0.0.1', port, ca, agent: false })
  const [response] = await once(request, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

test('a request without TLS is answered with what to do, and one by TLS as ever', async (t) => {
  const { port, ca } = await started(t)
  for (const path of ['/', '/link']) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: 'x'.repeat(100_000) })
    t.is(response.status, 426)
    t.like(await response.json(), { code: 'API_TLS', status: 426, hint: 'name the server with https:// (or wss://)' })
  }
  t.is(await answerAt(port, ca), 'by TLS')
})

test('a greeting of TLS whose first byte comes alone is understood', async (t) => {
  const { port, ca } = await started(t)
  const sockets = new Set<Socket>()
  const slow = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    for (const socket of [client, server]) sockets.add(socket.on('error', () => {}))
    server.setNoDelay(true).pipe(client)
    client.once('data', (first) => {
      server.write(first.subarray(0, 1), () =>
        setImmediate(() => {
          server.write(first.subarray(1))
          client.pipe(server)
        }),
      )
    })
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    slow.close()
  })
  slow.listen(0, '127.0.0.1')
  await once(slow, 'listening')
  const address = slow.address()
  t.is(await answerAt(typeof address === 'object' && address ? address.port : 0, ca), 'by TLS')
})

test('a connection that ends without a byte leaves nothing', async (t) => {
  const { server, port } = await started(t)
  const socket = connect(port, '127.0.0.1')
  const [accepted] = await once(server, 'connection')
  socket.end()
  if (!accepted.destroyed) await once(accepted, 'close')
  t.true(accepted.destroyed)
})
