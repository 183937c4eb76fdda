import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { randomStream, twoTier } from '../../../sdk/index.ts'
import { fileRegistry } from '../../../sdk/node/index.ts'
import { codeForm } from '../../support/api-stage.ts'
import { mongodbServer } from '../../support/mongodb-server.ts'
import { zipped } from '../../support/stored-job.ts'
import { storeOpenedAt } from '../../support/stores.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { client, findingOf } from './clients.ts'
import { Ledger } from './ledger.ts'
import { Lives } from './lives.ts'
import { run } from './runs.ts'
import { halfMade } from './whole-store.ts'

export interface ServerChaosOptions {
  readonly store: 'lmdb' | 'mongodb'
  readonly kills: number
  readonly seed: number
  /** Rounds of each job that runs meanwhile. */
  readonly rounds: number
  readonly report: (line: string) => void
}

const workload = fileURLToPath(new URL('../../../../examples/trivial/workload.ts', import.meta.url))
const clientsOfRun = 20
const clientsAtWork = 8
const runsAtOnce = 2
/**
 * Longest time for which clients are served in a life. On MongoDB the next server waits 3 s until it takes the jobs
 * over.
 */
const longestServiceMs = { lmdb: 2500, mongodb: 8000 }
/** Probability that a server is killed again while it starts. */
const earlyKills = 0.25
const longestStartMs = 1000
const longestClearingMs = 60_000
/** Number of things that are checked after a kill, besides those of the last life. */
const lookedAt = 30

/**
 * Kills the server at random instants, while clients create, change and delete designs and jobs, and while jobs run in
 * the server. Answers with the faults: lost changes that were acknowledged, half-made things, and jobs whose weights
 * differ from those of an undisturbed job.
 */
export async function serverChaos({ store, kills, seed, rounds, report }: ServerChaosOptions): Promise<string[]> {
  await using folder = await temporaryFolder()
  await using mongodb = store === 'mongodb' ? await mongodbServer() : undefined
  const location = mongodb?.url() ?? join(folder.path, 'state')
  const faults: string[] = []
  const wrong = (what: string) => {
    faults.push(what)
    report(`WRONG ${what}`)
  }
  const lives = new Lives(location, folder.path)
  const ended: [string, string][] = []
  try {
    await lives.listens()
    lives.open()
    const [datasets, spec] = await prepare(lives, rounds)
    const calm = await run(lives, 'calm', spec, wrong)
    report(`seed ${seed}; on ${store}; the undisturbed job is ${calm}`)

    const ledger = new Ledger()
    const ending = new AbortController()
    const jobOn = (clients: number) => ({
      designId: 'd',
      backend: 'ws',
      dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets.slice(0, clients) } }],
    })
    const load = { lives, ledger, jobOn, ends: ending.signal, wrong }
    const atWork = Array.from({ length: clientsAtWork }, (_, i) =>
      client(`c${i}`, randomStream(seed, 'client', i), load),
    )
    const runner = async (name: string) => {
      for (let n = 0; !ending.signal.aborted; n++) {
        const id = `${name}-${n}`
        ended.push([id, await run(lives, id, spec, wrong)])
      }
    }
    const runs = Array.from({ length: runsAtOnce }, (_, i) => runner(`run${i}`))

    for (let kill = 0; kill < kills; kill++) {
      const random = randomStream(seed, 'kill', kill)
      const servedMs = random.uniform() * longestServiceMs[store]
      await setTimeout(servedMs)
      await lives.kill()
      const before = ledger.paths
      lives.begin()
      if (random.uniform() < earlyKills) {
        await setTimeout(random.uniform() * longestStartMs)
        await lives.kill()
        lives.begin()
      }
      if (!(await lives.listens())) throw new Error('the server does not start')
      const looked =
        kill === kills - 1 ? before : [...before.slice(-lookedAt), ...drawn(before, random.uniform(), lookedAt)]
      for (const path of new Set(looked)) {
        const fault = ledger.found(path, await findingOf(lives, path))
        if (fault) wrong(fault)
      }
      lives.open()
      report(
        `kill ${kill + 1} after ${Math.round(servedMs)} ms: ${before.length} things, ${ended.length} jobs have ended`,
      )
    }
    ending.abort()
    await Promise.all([...atWork, ...runs])
    await lives.kill()
    lives.begin()
    await lives.listens()
    for (const path of ledger.paths) {
      const fault = ledger.found(path, await findingOf(lives, path))
      if (fault) wrong(fault)
    }
    report(`${ledger.paths.length} things and ${ended.length} jobs through ${kills} kills`)
    // On MongoDB the next server removes the leftovers some seconds after the former server's death, and a check may
    // come before.
    if (store === 'mongodb') await cleared(location)
  } finally {
    await lives.kill()
  }
  const opened = await storeOpenedAt(location)
  for (const fault of await halfMade(opened)) wrong(fault)
  const modelOf = async (job: string) => {
    // A start that was cut off may have used up the name of a run.
    const run = (await opened.documents.get('jobs', job))?.fields.run
    return fileRegistry(join(folder.path, 'models')).latest(String(run))
  }
  const expected = await modelOf('calm')
  report(`the undisturbed job's hash is ${expected?.hash}`)
  for (const [id, state] of ended) {
    const model = await modelOf(id)
    if (state !== 'completed') wrong(`${id} is ${state}`)
    else if (!expected || model?.round !== expected.round || model.hash !== expected.hash)
      wrong(`${id} ended with round ${model?.round} and hash ${model?.hash}`)
  }
  await opened.close()
  return faults
}

/** Makes a design with code, and datasets. Answers with the datasets and the body of a job that runs. */
async function prepare(lives: Lives, rounds: number): Promise<[readonly string[], object]> {
  const design = '/users/u/designs/d'
  await lives.ask('POST', '/users/u/designs', { id: 'd' })
  await lives.ask('POST', `${design}/schema`, twoTier({ clients: clientsOfRun }).schema)
  const code = zipped({ 'top-aggregator/README': '-', 'trainer/workload.ts': await readFile(workload, 'utf8') })
  await lives.ask('POST', `${design}/code`, codeForm(code))
  const datasets: string[] = []
  for (let i = 0; i < clientsOfRun; i++) {
    const dataset = { url: `file:///${i}`, dataFormat: 'none', realm: 'default' }
    datasets.push(String((await lives.ask('POST', '/users/u/datasets', dataset)).body))
  }
  const spec = {
    designId: 'd',
    backend: 'ws',
    dataSpec: [{ role: 'trainer', datasetGroups: { default: datasets } }],
    modelSpec: { hyperparameters: { rounds, fraction: 0.5 } },
  }
  return [datasets, spec]
}

async function cleared(location: string): Promise<void> {
  const opened = await storeOpenedAt(location)
  const until = performance.now() + longestClearingMs
  while (performance.now() < until && (await halfMade(opened)).length > 0) await setTimeout(200)
  await opened.close()
}

/** Takes a number of items in a row, from a random index on. */
function drawn(paths: readonly string[], from: number, count: number): readonly string[] {
  const first = Math.floor(from * paths.length)
  return paths.slice(first, first + count)
}
