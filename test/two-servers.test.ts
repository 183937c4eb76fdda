import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import test from 'ava'
import { fileRegistry } from '../sdk/node/index.ts'
import { controlServer } from './support/api-stage.ts'
import { callsTo, reached, trivialJob } from './support/http-jobs.ts'
import { mongodbServer } from './support/mongodb-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

test('when a server is killed, another on the same store goes on with its job, to the same weights', async (t) => {
  await using mongodb = await mongodbServer()
  await using folder = await temporaryFolder()
  const store = mongodb.url()
  await using a = controlServer(store, folder.path)
  await using b = controlServer(store, folder.path)
  const registry = fileRegistry(join(folder.path, 'models'))
  const [callA, callB] = [callsTo((await a.url) ?? ''), callsTo((await b.url) ?? '')]

  const settings = { clients: 20, rounds: 80 }
  const calm = await trivialJob(callB, { job: 'calm', ...settings })
  await callB('PUT', `${calm}/status`, { state: 'starting' })
  t.is(await reached(callA, calm, 'completed', 'failed'), 'completed')

  const job = await trivialJob(callA, { job: 'killed', ...settings })
  await callA('PUT', `${job}/status`, { state: 'starting' })
  const round = async () => (await registry.latest('killed').catch(() => undefined))?.round ?? 0
  while ((await round()) < 10) await setTimeout(10)
  await a.kill()
  const [killedAt, before] = [performance.now(), await round()]
  t.true(before < settings.rounds)
  while ((await round()) <= before) await setTimeout(10)
  t.log(`round ${before + 1} was published ${Math.round(performance.now() - killedAt)} ms after the kill`)

  t.is(await reached(callB, job, 'completed', 'failed'), 'completed')
  t.is(await round(), settings.rounds)
  t.is((await registry.latest('killed'))?.hash, (await registry.latest('calm'))?.hash)
})
