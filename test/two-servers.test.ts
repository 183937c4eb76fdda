import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { fileRegistry } from '../sdk/node/index.ts'
import { mongodbServer } from './support/mongodb-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { callsTo, reached, trivialJob } from './support/trivial-job.ts'

const program = fileURLToPath(new URL('support/api-process.js', import.meta.url))

interface ControlServer extends AsyncDisposable {
  readonly url: string
  kill(): Promise<void>
}

/** A control plane in a process of its own. */
async function controlServer(store: string, folder: string): Promise<ControlServer> {
  const child: ChildProcess = spawn(process.execPath, [program, store, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  const [line] = await Promise.race([once(child.stdout ?? child, 'data'), exited.then(() => [''])])
  return { url: String(line).trim(), kill, [Symbol.asyncDispose]: kill }
}

test('when a server is killed, another on the same store goes on with its job, to the same weights', async (t) => {
  await using mongodb = await mongodbServer()
  await using folder = await temporaryFolder()
  const store = mongodb.url()
  await using a = await controlServer(store, folder.path)
  await using b = await controlServer(store, folder.path)
  const registry = fileRegistry(join(folder.path, 'models'))
  const [callA, callB] = [callsTo(a.url), callsTo(b.url)]

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
