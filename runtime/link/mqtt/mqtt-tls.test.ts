import { connect } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { accessOf, passwords } from '../../../test/support/brokers.ts'
import { certificateAuthority, writeCertificate } from '../../../test/support/certificates.ts'
import { mosquitto } from '../../../test/support/mosquitto.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { serverTls } from '../../node/index.ts'
import { acceptMqtt, dialMqtt, embeddedBroker } from './index.ts'

const never = new AbortController().signal

/** A route over TLS, and refusals of certificates that this node doesn't trust. */
async function checkTls(t: ExecutionContext, url: string, ca: string): Promise<void> {
  const dial = (at: string, more: { ca?: string }) =>
    dialMqtt(at, { node: 'n', to: 'server', ...accessOf('ada'), ...more })('control', never)
  await t.throwsAsync(dial(url, {}), { code: 'LINK_CERTIFICATE' })
  const other = await certificateAuthority('another authority')
  await t.throwsAsync(dial(url, { ca: other.cert }), { code: 'LINK_CERTIFICATE' })
  const plain = url.replace('mqtts:', 'mqtt:')
  await t.throwsAsync(dial(plain, {}), { code: 'LINK_UNREACHABLE' })
  let take = (_text: string) => {}
  const heard = new Promise<string>((resolve) => (take = resolve))
  await using accepted = await acceptMqtt(url, {
    node: 'server',
    ...accessOf('server'),
    ca,
    onRoute: (route) => route.listen({ heard: (frame) => take(new TextDecoder().decode(frame)), lost: () => {} }),
  })
  const route = await dial(url, { ca })
  route.send(new Uint8Array(new TextEncoder().encode('over TLS')))
  t.is(await heard, 'over TLS')
  t.is(accepted.count, 1)
  route.close()
}

test('routes go over TLS with the embedded broker, to brokers with a trusted certificate alone', async (t) => {
  await using folder = await temporaryFolder()
  const authority = await certificateAuthority('an authority')
  const files = await writeCertificate(folder.path, await authority.server())
  let isRenewed = () => {}
  const renewed = new Promise<void>((resolve) => (isRenewed = resolve))
  const tls = await serverTls(files, {
    // The certificate is written before its key.
    onTrouble: ({ code }) => t.is(code, 'NODE_TLS_PAIR'),
    onRenewed: isRenewed,
    lookEveryMs: 20,
  })
  await using broker = await embeddedBroker({
    tls,
    host: '127.0.0.1',
    authenticate: async ({ username }) => (username === 'server' ? { serves: 'server' } : {}),
  })
  t.regex(broker.url, /^mqtts:\/\/127\.0\.0\.1:\d+$/)
  await checkTls(t, broker.url, authority.cert)
  const before = await fingerprint(broker.port)
  await writeCertificate(folder.path, await authority.server())
  await renewed
  t.not(await fingerprint(broker.port), before)
  await checkTls(t, broker.url, authority.cert)
  tls.close()
})

test('routes go over TLS with Mosquitto, to brokers with a trusted certificate alone', async (t) => {
  const authority = await certificateAuthority('an authority')
  await using broker = await mosquitto({ users: passwords, tls: await authority.server() })
  await checkTls(t, broker.secureUrl, authority.cert)
})

test('a certificate for another host is not trusted', async (t) => {
  const authority = await certificateAuthority('an authority')
  await using broker = await mosquitto({ users: passwords, tls: await authority.server('elsewhere.example') })
  const dial = dialMqtt(broker.secureUrl, { node: 'n', to: 'server', ...accessOf('ada'), ca: authority.cert })
  await t.throwsAsync(dial('control', never), { code: 'LINK_CERTIFICATE' })
})

function fingerprint(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    }).once('error', reject)
  })
}
