import { spawn } from 'node:child_process'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { dialWebSocket } from '../runtime/link/ws/index.ts'
import { certificateAuthority, writeCertificate } from '../test/support/certificates.ts'
import { flamectlUp, runCommand } from '../test/support/flamectl-up.ts'
import { linkedFlamelet } from '../test/support/linked-flamelet.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'

const flamectlMain = fileURLToPath(new URL('./main.js', import.meta.url))

test('up serves https and wss, to those who trust its certificate, and renews it without a restart', async (t) => {
  await using folder = await temporaryFolder()
  const [authority, other] = [await certificateAuthority('ours'), await certificateAuthority('another')]
  const files = await writeCertificate(join(folder.path, 'server'), await authority.server())
  const { cert: ca } = await writeCertificate(join(folder.path, 'ca'), authority)
  const { cert: otherCa } = await writeCertificate(join(folder.path, 'other'), other)
  await using up = await flamectlUp(join(folder.path, 'state'), '--tls-cert', files.cert, '--tls-key', files.key)
  t.regex(up.url, /^https:\/\/127\.0\.0\.1:/)
  const list = (...more: string[]) => runCommand(['get', 'designs', '--endpoint', up.url, ...more])

  t.deepEqual([(await list('--ca', ca)).status, (await list('--insecure')).status], [0, 0])
  for (const wrong of [await list(), await list('--ca', otherCa)]) t.regex(wrong.err, /CLIENT_CERTIFICATE/)
  t.regex((await list('--ca', join(folder.path, 'none'))).err, /FILE_UNREADABLE/)
  await using open = await flamectlUp(join(folder.path, 'open'))
  const unsecured = await runCommand(['get', 'designs', '--endpoint', open.url, '--ca', ca])
  t.is(unsecured.status, 0, 'FLAME_CA may be set for other servers')
  const plain = await runCommand(['get', 'designs', '--endpoint', up.url.replace('https', 'http')])
  t.regex(plain.err, /API_TLS: the server speaks TLS.*\n.*https:\/\//)
  const bare = dialWebSocket(up.url.replace('https', 'ws'))('control', AbortSignal.timeout(60_000))
  t.regex(String((await t.throwsAsync(bare, { code: 'LINK_UNREACHABLE' }))?.message), /the server speaks TLS: use wss:/)

  await using flamelet = linkedFlamelet({ name: 'site-a', dial: dialWebSocket(up.url, { ca: authority.cert }) })
  t.is((await flamelet.register()).type, 'registered')
  const listed = await runCommand(['computes', '--endpoint', up.url, '--ca', ca, '-o', 'json'])
  t.is(listed.err, '')
  t.like(JSON.parse(listed.out), [{ name: 'site-a', state: 'here' }])

  const next = await writeCertificate(join(folder.path, 'next'), await other.server())
  await rename(next.cert, files.cert)
  await rename(next.key, files.key)
  let status: number | null = 1
  for (let look = 0; look < 60 && status !== 0; look++) status = (await list('--ca', otherCa)).status
  t.is(status, 0)
  t.is(flamelet.states.at(-1), 'open', 'connections that are there stay')
})

test('up with --client-ca serves those alone who have a certificate of its authority', async (t) => {
  await using folder = await temporaryFolder()
  const authority = await certificateAuthority('ours')
  const files = await writeCertificate(join(folder.path, 'server'), await authority.server())
  const { cert: ca } = await writeCertificate(join(folder.path, 'ca'), authority)
  const own = await authority.client('alice')
  const ownFiles = await writeCertificate(join(folder.path, 'client'), own)
  const tls = ['--tls-cert', files.cert, '--tls-key', files.key, '--client-ca', ca]
  await using up = await flamectlUp(join(folder.path, 'state'), ...tls)
  const list = (...more: string[]) => runCommand(['get', 'designs', '--endpoint', up.url, '--ca', ca, ...more])
  t.is((await list('--client-cert', ownFiles.cert, '--client-key', ownFiles.key)).status, 0)
  t.not((await list()).status, 0)
  await using flamelet = linkedFlamelet({
    name: 'site-a',
    dial: dialWebSocket(up.url, { ca: authority.cert, ...own }),
  })
  t.is((await flamelet.register()).type, 'registered')
  const joined = (name: string, ...more: string[]) =>
    joinsUntilToldState(up.url, name, join(folder.path, name), '--trust-any', ...more)
  t.is(await joined('site-b', '--ca', ca), 'connecting')
  t.is(await joined('site-c', '--ca', ca, '--client-cert', ownFiles.cert, '--client-key', ownFiles.key), 'joined')
})

/** The first state, besides that of a first attempt, of a flamelet that joins by `flamectl flamelet join`. */
async function joinsUntilToldState(url: string, name: string, state: string, ...more: readonly string[]) {
  const given = ['flamelet', 'join', url, '--name', name, '--state', state, '-o', 'json', ...more]
  const child = spawn(process.execPath, [flamectlMain, ...given], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const told: { readonly state: string; readonly cause?: object } = JSON.parse(line)
      if (told.state === 'joined' || told.cause) return told.state
    }
    return 'ended'
  } finally {
    child.kill('SIGKILL')
  }
}

test('up says what cannot work: data that are not there, an address of no machine, data for no task', async (t) => {
  await using folder = await temporaryFolder()
  const state = join(folder.path, 'state')
  const up = (...more: string[]) => runCommand(['up', '--port', '0', '--store', state, ...more])
  const [absent, foreign] = [await up('--data', 'test=/none.csv'), await up('--host', '300.1.1.1')]
  t.deepEqual([absent.status, /FILE_UNREADABLE/.test(absent.err)], [2, true])
  t.deepEqual([foreign.status, /UP_LISTEN.*300\.1\.1\.1/.test(foreign.err)], [1, true])
  const child = spawn(
    process.execPath,
    [flamectlMain, 'up', '--port', '0', '--store', state, '--auth', '--data', state],
    {
      cwd: folder.path,
    },
  )
  try {
    let told = ''
    for await (const line of createInterface({ input: child.stderr })) {
      told = line
      break
    }
    t.regex(told, /--data has no effect without --in-process/)
  } finally {
    child.kill('SIGKILL')
  }
})

test('up asks for certificate and key together', async (t) => {
  const { status, err } = await runCommand(['up', '--port', '0', '--tls-cert', 'a'])
  t.deepEqual([status, /OPTION_VALUE.*--tls-cert/.test(err)], [2, true])
})
