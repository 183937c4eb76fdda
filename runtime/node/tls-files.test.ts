import { once } from 'node:events'
import { rename, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import test from 'ava'
import { certificateAuthority, writeCertificate } from '../../test/support/certificates.ts'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import type { CodedError } from '../errors/coded-error.ts'
import { type ServerTls, serverTls, type TlsFiles } from './index.ts'

const authority = certificateAuthority('authority of the tests')

/** What a TLS server hears of its files, in order. */
function notices() {
  const past: (CodedError | 'renewed')[] = []
  let waiting: (() => void) | undefined
  const note = (notice: CodedError | 'renewed') => {
    past.push(notice)
    waiting?.()
  }
  return {
    options: { onTrouble: note, onRenewed: () => note('renewed'), lookEveryMs: 5 },
    async next() {
      while (past.length === 0) await new Promise<void>((resolve) => (waiting = resolve))
      return past.shift()
    },
  }
}

async function serving(tls: ServerTls): Promise<AsyncDisposable & { readonly server: Server; readonly port: number }> {
  const server = createServer(tls.options, (_, response) => response.end('well'))
  tls.renew(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new TypeError('the server listens on no port')
  const close = async () => {
    tls.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { server, port: address.port, [Symbol.asyncDispose]: close }
}

/** A connection whose server has proven itself. Rejects if either end refuses the other. */
async function connected(port: number, ca: string, own: { cert?: string; key?: string } = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ...own })
  await once(socket, 'secureConnect')
  // With TLS 1.3 a server refuses a client after the client's part has ended.
  await answered(socket)
  return socket
}

async function answered(socket: TLSSocket): Promise<void> {
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const closed = once(socket, 'close').then(() => Promise.reject(new Error('the connection was closed')))
  const [answer] = await Promise.race([once(socket, 'data'), closed])
  closed.catch(() => {})
  if (!String(answer).includes('200 OK')) throw new Error(String(answer))
}

/** Replaces a file in one step. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}-next`, text)
  await rename(`${path}-next`, path)
}

const serialOf = (socket: TLSSocket) => socket.getPeerCertificate().serialNumber

test('changed files serve new connections without a restart, and existing connections stay', async (t) => {
  await using folder = await temporaryFolder()
  const ca = await authority
  const files = await writeCertificate(folder.path, await ca.server())
  const heard = notices()
  await using at = await serving(await serverTls(files, heard.options))
  const old = await connected(at.port, ca.cert)
  const { cert, key } = await ca.server()
  await replace(files.key, key)
  t.like(await heard.next(), { code: 'NODE_TLS_PAIR' })
  await replace(files.cert, cert)
  t.is(await heard.next(), 'renewed')
  const young = await connected(at.port, ca.cert)
  t.not(serialOf(young), serialOf(old))
  await t.notThrowsAsync(answered(old))
  for (const socket of [old, young]) socket.destroy()
})

test('files that are half written, or do not belong together, are told once, and the old ones serve on', async (t) => {
  await using folder = await temporaryFolder()
  const ca = await authority
  const [first, second] = [await ca.server(), await ca.server()]
  const files = await writeCertificate(folder.path, first)
  const heard = notices()
  await using at = await serving(await serverTls(files, heard.options))
  const before = await connected(at.port, ca.cert)
  const changes: readonly [file: 'cert' | 'key', text: string, code: string][] = [
    ['cert', second.cert, 'NODE_TLS_PAIR'],
    ['cert', second.cert.slice(0, 300), 'NODE_TLS_FILE'],
    ['cert', '', 'NODE_TLS_FILE'],
    ['cert', first.cert + ca.cert.slice(0, 300), 'NODE_TLS_FILE'],
    ['cert', first.cert.replace(/[a-z]{3}/g, 'AAA'), 'NODE_TLS_FILE'],
    ['key', second.key, 'NODE_TLS_PAIR'],
    ['key', first.key.slice(0, 100), 'NODE_TLS_PAIR'],
    ['key', '', 'NODE_TLS_PAIR'],
  ]
  for (const [file, text, code] of changes) {
    await replace(files[file], text)
    t.like(await heard.next(), { code })
    const now = await connected(at.port, ca.cert)
    t.is(serialOf(now), serialOf(before))
    now.destroy()
    await replace(files[file], first[file])
    t.is(await heard.next(), 'renewed')
  }
  await replace(files.key, second.key)
  t.like(await heard.next(), { code: 'NODE_TLS_PAIR' })
  await replace(files.cert, second.cert)
  t.is(await heard.next(), 'renewed')
  const after = await connected(at.port, ca.cert)
  t.not(serialOf(after), serialOf(before))
  for (const socket of [before, after]) socket.destroy()
})

test('files are found anew behind a link that is exchanged, as clusters do it', async (t) => {
  await using folder = await temporaryFolder()
  const ca = await authority
  for (const name of ['one', 'two']) await writeCertificate(join(folder.path, name), await ca.server())
  const link = join(folder.path, 'present')
  await symlink('one', link)
  const heard = notices()
  await using at = await serving(
    await serverTls({ cert: join(link, 'cert.pem'), key: join(link, 'key.pem') }, heard.options),
  )
  const before = await connected(at.port, ca.cert)
  await symlink('two', `${link}-next`)
  await rename(`${link}-next`, link)
  t.is(await heard.next(), 'renewed')
  const after = await connected(at.port, ca.cert)
  t.not(serialOf(after), serialOf(before))
  for (const socket of [before, after]) socket.destroy()
})

test('with authorities for clients, a client without a certificate of theirs is refused', async (t) => {
  await using folder = await temporaryFolder()
  const ca = await authority
  const stranger = await certificateAuthority('another authority')
  const clientCa = join(folder.path, 'clients.pem')
  await writeFile(clientCa, ca.cert)
  const files: TlsFiles = { ...(await writeCertificate(folder.path, await ca.server())), clientCa }
  const heard = notices()
  await using at = await serving(await serverTls(files, heard.options))
  await t.throwsAsync(connected(at.port, ca.cert))
  await t.throwsAsync(connected(at.port, ca.cert, await stranger.client('stranger')))
  const client = await ca.client('device')
  const socket = await connected(at.port, ca.cert, client)
  t.true(socket.authorized)
  await replace(clientCa, stranger.cert)
  t.is(await heard.next(), 'renewed')
  await t.throwsAsync(connected(at.port, ca.cert, client))
  socket.destroy()
})

test('files that cannot serve from the beginning are refused, with the file and the reason', async (t) => {
  await using folder = await temporaryFolder()
  const ca = await authority
  const files = await writeCertificate(folder.path, await ca.server())
  const heard = notices()
  const missing = await t.throwsAsync(serverTls({ ...files, key: join(folder.path, 'none') }, heard.options), {
    code: 'NODE_TLS_FILE',
  })
  t.regex(missing?.message ?? '', /none for TLS cannot be read: there is no such file/)
  await t.throwsAsync(serverTls({ ...files, clientCa: files.key }, heard.options), { code: 'NODE_TLS_FILE' })
  await writeFile(files.key, (await ca.server()).key)
  await t.throwsAsync(serverTls(files, heard.options), { code: 'NODE_TLS_PAIR' })
})
