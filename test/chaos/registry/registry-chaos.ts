import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type KeptRounds, keepingRounds, type ModelRegistry, memoryRegistry, randomStream } from '../../../sdk/index.ts'
import { fileRegistry } from '../../../sdk/node/index.ts'
import { remoteRegistry } from '../../../sdk/registry/node-remote-registry.ts'
import { type RunningUp, upUnder } from '../../support/flamectl-up.ts'
import { callsTo, reached, trivialJob } from '../../support/http-jobs.ts'
import { type S3Server, s3Key, s3Server } from '../../support/s3-server.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

export interface RegistryChaosOptions {
  readonly kills: number
  readonly seed: number
  /** Rounds of each job. */
  readonly rounds: number
  readonly report: (line: string) => void
}

const env = { AWS_ACCESS_KEY_ID: s3Key.accessKeyId, AWS_SECRET_ACCESS_KEY: s3Key.secretAccessKey }
const prefix = 'chaos'
const clients = 20
const keep: KeptRounds = { last: 3, best: 1, every: 10 }
/** Longest time between two kills, and longest time of the registry in one state. */
const longestLifeMs = 2500
const longestStateMs = 1500

/**
 * Kills a server at random instants while its jobs run, and while the real S3 server with their models is down half of
 * the time. Answers with the faults: rounds that the registry lacks or has besides those that retention keeps, and models
 * of another hash than those of an undisturbed job.
 */
export async function registryChaos({ kills, seed, rounds, report }: RegistryChaosOptions): Promise<string[]> {
  await using folder = await temporaryFolder()
  await using server = await s3Server()
  const address = `s3://models/${prefix}?endpoint=${encodeURIComponent(server.url)}`
  const started = () =>
    upUnder({ env }, folder.path, '--registry', address, '--keep', 'last=3,best=1,every=10', '--upload-wait', '600')
  const expected = await undisturbed(rounds)
  report(`seed ${seed}; of ${rounds} rounds ${[...expected.keys()].join(', ')} are kept`)

  const jobs: string[] = []
  const begin = async ({ url }: RunningUp) => {
    const job = `job${jobs.length}`
    jobs.push(job)
    await callsTo(url)('PUT', `${await trivialJob(callsTo(url), { job, clients, rounds })}/status`, {
      state: 'starting',
    })
  }
  const over = new AbortController()
  const switching = switched(server, seed, over.signal)
  let up = await started()
  try {
    await begin(up)
    for (let kill = 0; kill < kills; kill++) {
      await setTimeout(randomStream(seed, 'kill', kill).uniform() * longestLifeMs)
      await up.end('SIGKILL')
      up = await started()
      const last = String(Object(await callsTo(up.url)('GET', `/users/u/jobs/${jobs.at(-1)}/status`)).state)
      report(`kill ${kill + 1}: ${jobs.length} jobs, the last is ${last}`)
      if (last === 'completed' || last === 'failed') await begin(up)
    }
    over.abort()
    await switching
    const faults: string[] = []
    const registry = await remoteRegistry(address, env)
    for (const job of jobs) {
      const state = await reached(callsTo(up.url), `/users/u/jobs/${job}`, 'completed', 'failed')
      const found = state === 'completed' ? await differences(registry, job, expected) : [`it is ${state}`]
      for (const fault of found) faults.push(`${job}: ${fault}`)
    }
    for (const job of jobs)
      if ((await spooled(folder.path, job)).length > 0) faults.push(`${job} has models left in the spool`)
    for (const fault of faults) report(`WRONG ${fault}`)
    report(`${jobs.length} jobs after ${kills} kills: ${faults.length} faults`)
    return faults
  } finally {
    over.abort()
    await switching
    await up.end('SIGKILL')
  }
}

/** By round that retention keeps: the hash of an undisturbed job. */
async function undisturbed(rounds: number): Promise<ReadonlyMap<number, string>> {
  await using folder = await temporaryFolder()
  await using up = await upUnder({}, folder.path)
  const job = await trivialJob(callsTo(up.url), { job: 'calm', clients, rounds })
  await callsTo(up.url)('PUT', `${job}/status`, { state: 'starting' })
  await reached(callsTo(up.url), job, 'completed')
  const all = fileRegistry(join(folder.path, 'models'))
  const kept = keepingRounds(memoryRegistry(), keep)
  for (const round of await all.list('calm')) await kept.commit(await all.load('calm', round))
  const found = await Promise.all((await kept.list('calm')).map((round) => kept.describe('calm', round)))
  return new Map(found.map(({ round, hash }) => [round, hash]))
}

/** Takes the S3 server down and up again, by SIGKILL, until the signal is aborted; it is up at the end. */
async function switched(server: S3Server, seed: number, signal: AbortSignal): Promise<void> {
  for (let change = 0; !signal.aborted; change++) {
    const random = randomStream(seed, 'registry', change)
    await server.kill()
    await setTimeout(random.uniform() * longestStateMs, undefined, { signal }).catch(() => {})
    await server.start()
    await setTimeout(random.uniform() * longestStateMs, undefined, { signal }).catch(() => {})
  }
}

async function differences(
  registry: ModelRegistry,
  job: string,
  expected: ReadonlyMap<number, string>,
): Promise<string[]> {
  const there = await registry.list(job)
  const wanted = [...expected.keys()]
  if (there.join() !== wanted.join()) return [`the registry has rounds ${there.join(', ')}, not ${wanted.join(', ')}`]
  const faults: string[] = []
  for (const [round, hash] of expected) {
    // Loading compares the weights with the hash.
    const found = await registry.load(job, round)
    if (found.hash !== hash) faults.push(`round ${round} has hash ${found.hash}, not ${hash}`)
  }
  return faults
}

async function spooled(store: string, job: string): Promise<readonly number[]> {
  const [name = ''] = await readdir(join(store, 'spool'))
  return fileRegistry(join(store, 'spool', name)).list(job)
}
