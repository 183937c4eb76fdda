import { join } from 'node:path'
import test from 'ava'
import { z } from 'zod'
import { lmdbStore } from '../runtime/durable/lmdb/index.ts'
import { roleKey } from '../sdk/index.ts'
import { runCommand } from './support/flamectl-up.ts'
import { callsTo, reached, trivialJob } from './support/http-jobs.ts'
import { hashesHere, hashesOf } from './support/joined-hashes.ts'
import { type JoinedStage, joinedStage } from './support/joined-stage.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const size = { clients: 3, rounds: 4 } as const

const here = hashesHere(size)

/** Waits until these flamelets have joined, so that their realms are known. */
async function present(stage: JoinedStage, ...names: readonly string[]): Promise<void> {
  for (;;) {
    const { out } = await stage.up.command('computes', '-o', 'json')
    const found = new Map<string, string>(
      JSON.parse(out).map(({ name, state }: { name: string; state: string }) => [name, state]),
    )
    if (names.every((name) => found.get(name) === 'here')) return
  }
}

test.serial('a job trains on the flamelets of its datasets’ realms, to the hashes of the server alone', async (t) => {
  await using stage = await joinedStage()
  stage.join('clinic', { realm: 'eu/clinic' })
  stage.join('ward', { realm: 'ward' })
  await present(stage, 'clinic', 'ward')
  const job = await trivialJob(stage.call, { job: 'j', ...size, realms: ['eu/clinic', 'ward'] })
  await stage.call('PUT', `${job}/status`, { state: 'starting' })
  t.is(await reached(stage.call, job, 'completed', 'failed'), 'completed')
  const hashes = await hashesOf(stage, job)
  t.is(hashes.length, size.rounds)
  t.deepEqual(hashes, await here)
})

test.serial(
  'of a job that is completed, the server keeps the aggregator’s state, from which a server that dies then goes on',
  async (t) => {
    await using stage = await joinedStage()
    stage.join('clinic')
    await present(stage, 'clinic')
    const job = await trivialJob(stage.call, { job: 'j', ...size, realms: ['clinic'] })
    await stage.call('PUT', `${job}/status`, { state: 'starting' })
    t.is(await reached(stage.call, job, 'completed', 'failed'), 'completed')
    await stage.up.end('SIGTERM')
    const store = await lmdbStore(join(stage.folder, 'state', 'state'))
    try {
      t.truthy(await store.load(roleKey('j', 'top-aggregator-0')))
    } finally {
      await store.close()
    }
  },
)

test.serial(
  'a server and a flamelet that are killed in the middle of a job leave its hashes as they were',
  async (t) => {
    await using stage = await joinedStage()
    const clinic = stage.join('clinic')
    stage.join('ward')
    await present(stage, 'clinic', 'ward')
    const rounds = 60
    const job = await trivialJob(stage.call, { job: 'j', ...size, rounds, realms: ['clinic', 'ward'] })
    await stage.call('PUT', `${job}/status`, { state: 'starting' })
    const atRound = async (round: number) => {
      while ((await hashesOf(stage, job)).length < round) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await atRound(5)
    await clinic.end('SIGKILL')
    stage.join('clinic')
    await atRound(15)
    await stage.restart('SIGKILL')
    t.is(await reached(stage.call, job, 'completed', 'failed'), 'completed')
    const hashes = await hashesOf(stage, job)
    t.is(hashes.length, rounds)
    t.deepEqual(hashes, await hashesHere({ ...size, rounds }))
  },
)

test.serial(
  'a flamelet that is asked to end hands over what its clients keep, and the hashes of SCAFFOLD stay',
  async (t) => {
    const job = {
      clients: 3,
      rounds: 20,
      workload: new URL('../../test/support/drawn.workload.ts', import.meta.url),
      hyperparameters: { algorithm: 'scaffold', epochs: 1 },
    }
    await using stage = await joinedStage()
    const clinics = ['clinic', 'other'].map((name) => stage.join(name, { realm: 'eu/clinic' }))
    await present(stage, 'clinic', 'other')
    const path = await trivialJob(stage.call, { job: 'j', ...job, realms: ['eu/clinic'] })
    await stage.call('PUT', `${path}/status`, { state: 'starting' })
    while ((await hashesOf(stage, path)).length < 3) await new Promise((resolve) => setTimeout(resolve, 20))
    t.is(await clinics[0]?.end('SIGTERM'), 0)
    t.is(await reached(stage.call, path, 'completed', 'failed'), 'completed')
    const hashes = await hashesOf(stage, path)
    t.is(hashes.length, job.rounds)
    t.deepEqual(hashes, await hashesHere(job))
  },
)

test.serial(
  'where tokens are asked for, flamelets join over MQTT, and run all of a job whose owner trusts them',
  async (t) => {
    await using folder = await temporaryFolder()
    const keyFile = join(folder.path, 'keys.json')
    const tokenOf = async (user: string, ...more: readonly string[]) =>
      (await runCommand(['token', user, '--key-file', keyFile, ...more])).out.trim()
    const [alice, device, mallory] = [
      await tokenOf('u'),
      await tokenOf('u', '--scope', 'flamelet', '--name', 'clinic'),
      await tokenOf('m', '--scope', 'flamelet'),
    ]
    await using stage = await joinedStage('--auth', '--key-file', keyFile, '--mqtt', '0')
    const [, broker = ''] = /over MQTT, too: (\S+)/.exec(stage.up.out()) ?? []
    stage.join('clinic-2', { token: device, to: broker })
    stage.join('clinic', { token: device, to: broker })
    const call = callsTo(stage.up.url, alice)
    while (!JSON.stringify(await call('GET', '/flamelets?user=u')).includes('"here"'))
      await new Promise((resolve) => setTimeout(resolve, 50))
    const stranger = stage.join('clinic', { token: mallory, to: broker, state: 'mallory' })
    const misnamed = stage.join('ward', { token: device, to: broker })
    const job = await trivialJob(call, { job: 'j', ...size, realms: ['clinic'] })
    await call('PUT', `${job}/status`, { state: 'starting' })
    t.is(await reached(call, job, 'completed', 'failed'), 'completed')
    t.deepEqual(await hashesOf(stage, job, alice), await here)
    const joined = z.array(z.object({ name: z.string() })).parse(await call('GET', '/flamelets?user=u'))
    t.deepEqual(
      joined.map(({ name }) => name),
      ['clinic'],
    )
    for (const { out } of [stranger, misnamed]) t.false(out().includes('joined'))
  },
)

test.serial('flamectl chaos kills, cuts and delays by a seed, and the job ends with its hashes', async (t) => {
  await using stage = await joinedStage()
  stage.join('clinic')
  stage.join('ward')
  await present(stage, 'clinic', 'ward')
  // A fast machine has 50 rounds a second.
  const rounds = 150
  const job = await trivialJob(stage.call, { job: 'j', ...size, rounds, realms: ['clinic', 'ward'] })
  const early = await stage.up.command('chaos', 'j', '--user', 'u', '--kill', '60/min')
  t.deepEqual([early.status, early.out], [0, ''], 'a job that does not run gets no faults')
  t.regex(early.err, /job j is ready: only a running job gets faults/)
  await stage.call('PUT', `${job}/status`, { state: 'starting' })
  await reached(stage.call, job, 'running')
  const rates = ['--kill', '60/min', '--cut', '60/min', '--delay', '30/min,50', '--seed', '7']
  const chaos = await stage.up.command('chaos', 'j', '--user', 'u', '-o', 'json', ...rates)
  const state = await reached(stage.call, job, 'completed', 'failed')
  t.is(state, 'completed', JSON.stringify(await stage.call('GET', `${job}/status`)))
  t.is(chaos.status, 0, chaos.err)
  t.regex(chaos.err, /faults made: [1-9]/)
  const faults = chaos.out
    .trim()
    .split('\n')
    .map((line) => z.object({ type: z.string(), place: z.string().optional() }).parse(JSON.parse(line)))
  t.true(
    faults.some(({ type, place }) => type === 'kill' && place !== undefined),
    chaos.out,
  )
  t.true(
    faults.some(({ type, place }) => type === 'cut' && place !== undefined),
    chaos.out,
  )
  t.deepEqual(await hashesOf(stage, job), await hashesHere({ ...size, rounds }))
})

test.serial('flamectl chaos ends the process of a job that runs on the server’s machine alone', async (t) => {
  await using stage = await joinedStage()
  const rounds = 200
  const job = await trivialJob(stage.call, { job: 'j', ...size, rounds })
  await stage.call('PUT', `${job}/status`, { state: 'starting' })
  await reached(stage.call, job, 'running')
  const rates = ['--kill', '120/min', '--cut', '20/min', '--seed', '7']
  const chaos = await stage.up.command('chaos', 'j', '--user', 'u', '-o', 'json', ...rates)
  t.is(await reached(stage.call, job, 'completed', 'failed'), 'completed')
  t.regex(chaos.err, /faults made: [1-9]/)
  const events = await fetch(`${stage.up.url}${job}/events?follow=false`)
  t.regex(await events.text(), /JOB_PROCESS_ENDED/)
  t.deepEqual(await hashesOf(stage, job), await hashesHere({ ...size, rounds }))
})
