import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mongodbServer } from '../test/support/mongodb-server.ts'
import { prepareJobs, user } from './api/jobs.ts'
import { load } from './api/load.ts'
import { benchServer } from './api/running-server.ts'
import type { Figure, Suite } from './figure.ts'

const connectionCounts = [1, 64, 512]
/** Of which the figures without a number of connections are. */
const usual = 64
const measuredMs = 5000
const storedJobs = 10_000

/** The control plane over HTTP, a server in a process of its own, on each store; the load comes from this process. */
export const apiSuite: Suite = async (report) => {
  const folder = await mkdtemp(join(tmpdir(), 'flame-bench-'))
  try {
    await measure('lmdb', folder, report)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  await using mongodb = await mongodbServer()
  await measure('mongodb', mongodb.url(), report)
}

async function measure(store: string, place: string, report: (figure: Figure) => void): Promise<void> {
  const jobs = `/users/${user}/jobs`
  const reportLoad = (
    name: string,
    connections: number,
    { perSecond, p50Ms, p99Ms }: Awaited<ReturnType<typeof load>>,
  ) => {
    const suffixes = connections === usual ? [`.${store}`, `.${store}.${connections}`] : [`.${store}.${connections}`]
    for (const suffix of suffixes) {
      report({ figure: `api.${name}${suffix}`, value: perSecond, unit: 'requests/s' })
      report({ figure: `api.${name}-p50${suffix}`, value: p50Ms, unit: 'ms' })
      report({ figure: `api.${name}-p99${suffix}`, value: p99Ms, unit: 'ms' })
    }
  }
  {
    await using server = await benchServer(place)
    const body = await prepareJobs(server.url)
    const creation = () => ({ method: 'POST', path: jobs, body }) as const
    await load(server.url, usual, { requests: 200 }, creation)
    let created = 200
    for (const connections of connectionCounts) {
      const found = await load(server.url, connections, { ms: measuredMs }, creation)
      reportLoad('create-job', connections, found)
      created += Math.round((found.perSecond * measuredMs) / 1000)
    }
    await load(server.url, usual, { requests: Math.max(0, storedJobs - created) }, creation)
  }
  const began = performance.now()
  await using server = await benchServer(place)
  const first: { id: string }[] = Object(await (await fetch(`${server.url}${jobs}?limit=1000`)).json())
  report({ figure: `api.start-seconds.${store}`, value: (performance.now() - began) / 1000, unit: 's' })
  const reading = (number: number) => ({ method: 'GET', path: `${jobs}/${first[number % first.length]?.id}` }) as const
  await load(server.url, usual, { requests: 1000 }, reading)
  for (const connections of connectionCounts) {
    const found = await load(server.url, connections, { ms: measuredMs }, reading)
    reportLoad('get-job', connections, found)
    if (connections === usual) report({ figure: `api.p99.${store}`, value: found.p99Ms, unit: 'ms' })
  }
  const listing = () => ({ method: 'GET', path: `${jobs}?limit=100` }) as const
  reportLoad('list-jobs', usual, await load(server.url, usual, { ms: measuredMs }, listing))
  const nobodys = () => ({ method: 'GET', path: '/users/nobody/jobs' }) as const
  reportLoad('list-no-jobs', usual, await load(server.url, usual, { ms: measuredMs }, nobodys))
  report({ figure: `api.memory.${store}`, value: (await server.memoryBytes()) / 1e6, unit: 'MB' })
}
