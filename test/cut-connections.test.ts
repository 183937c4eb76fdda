import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import test from 'ava'
import { Agent, setGlobalDispatcher } from 'undici'
import { faultProxy } from '../runtime/node/faults/index.ts'
import { certificateAuthority, writeCertificate } from './support/certificates.ts'
import { trivialJob } from './support/http-jobs.ts'
import { joinedStage } from './support/joined-stage.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const cuts = 60

test('a flamelet and a server whose TLS connections were cut many times end when they are asked to', async (t) => {
  await using folder = await temporaryFolder()
  const authority = await certificateAuthority('cuts')
  const { cert, key } = await writeCertificate(folder.path, await authority.server())
  const ca = join(folder.path, 'ca.pem')
  await writeFile(ca, authority.cert)
  setGlobalDispatcher(new Agent({ connect: { ca: authority.cert } }))
  await using stage = await joinedStage('--tls-cert', cert, '--tls-key', key)
  const { url } = stage.up
  await using proxy = await faultProxy({ target: { port: Number(new URL(url).port) } })
  const to = new URL(url)
  to.port = String(proxy.port)
  const device = stage.join('device', { realm: 'device', to: to.href, args: ['--ca', ca] })
  await device.line(({ state }) => state === 'joined')
  const job = await trivialJob(stage.call, { job: 'endless', clients: 2, rounds: 1_000_000, realms: ['device'] })
  await stage.call('PUT', `${job}/status`, { state: 'starting' })
  proxy.set({ cutEveryMs: 50, lateShare: 0.5, lateMs: 20, damagedShare: 0.01 })
  while (proxy.counts.cut < cuts) await setTimeout(10)
  // Tasks are handed back over a whole network.
  proxy.set({})
  t.is(await device.end('SIGTERM'), 0, device.err())
  t.is(await stage.up.end('SIGTERM'), 0)
})
