import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mongodbServer } from '../test/support/mongodb-server.ts'
import { fill } from './api/fill.ts'
import { prepareJobs, user } from './api/jobs.ts'
import { type Load, load, type RequestOf } from './api/load.ts'
import { benchServer } from './api/running-server.ts'
import type { Figure, Suite } from './figure.ts'

const connectionCounts = [1, 64, 512]
/** Connections of the figures that name no number. Lists are requested on one connection. */
const usual = 64
const measuredMs = 5000
const storedJobs = 10_000
const jobs = `/users/${user}/jobs`

/**
 * Measures the control plane over HTTP, on each store. The server has a process of its own; the load comes from this
 * process.
 */
export const apiSuite: Suite = async (report) => {
  const folder = await mkdtemp(join(tmpdir(), 'flame-bench-'))
  try {
    await measure('lmdb', (name) => join(folder, name), report)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  await using mongodb = await mongodbServer()
  await measure('mongodb', (name) => mongodb.url(`bench-${name}`), report)
}

async function measure(
  store: string,
  locationOf: (name: string) => string,
  report: (figure: Figure) => void,
): Promise<void> {
  const measured = async (name: string, url: string, requestOf: RequestOf) => {
    await load(url, usual, { requests: 300 }, requestOf)
    for (const connections of connectionCounts) {
      const found = await load(url, connections, { ms: measuredMs }, requestOf)
      if (connections === usual) reportLoad(report, name, store, found)
      reportLoad(report, name, `${store}.${connections}`, found)
      if (name === 'get-job' && connections === usual)
        report({ figure: `api.p99.${store}`, value: found.p99Ms, unit: 'ms' })
    }
  }
  {
    await using server = await benchServer(locationOf('created'))
    const body = await prepareJobs(server.url)
    await measured('create-job', server.url, creating(body))
  }
  // A faster server has created more jobs, and every server reads from the same number.
  const location = locationOf('filled')
  {
    await using server = await benchServer(location)
    const body = await prepareJobs(server.url)
    await load(server.url, 1, { requests: 1 }, creating(body))
  }
  await fill(location, storedJobs)
  // The first start after the copies makes their indexes, and isn't measured.
  await (await started(location)).server[Symbol.asyncDispose]()
  const { server, first, seconds } = await started(location)
  try {
    report({ figure: `api.start-seconds.${store}`, value: seconds, unit: 's' })
    await measured('get-job', server.url, (number) => ({
      method: 'GET',
      path: `${jobs}/${first[number % first.length]?.id}`,
    }))
    for (const [name, path] of [
      ['list-jobs', `${jobs}?limit=100`],
      ['list-nobodys-jobs', '/users/nobody/jobs'],
    ] as const)
      reportLoad(report, name, store, await load(server.url, 1, { ms: measuredMs }, () => ({ method: 'GET', path })))
    report({ figure: `api.memory.${store}`, value: (await server.memoryBytes()) / 1e6, unit: 'MB' })
  } finally {
    await server[Symbol.asyncDispose]()
  }
}

/** Requests that each create a job. */
function creating(body: string): RequestOf {
  return () => ({ method: 'POST', path: jobs, body })
}

/** Starts a server, and measures the seconds until its first answer, a page of a thousand jobs. */
async function started(location: string) {
  const began = performance.now()
  const server = await benchServer(location)
  const answer = await fetch(`${server.url}${jobs}`)
  const first: readonly { readonly id: string }[] = Object(await answer.json())
  return { server, first, seconds: (performance.now() - began) / 1000 }
}

function reportLoad(report: (figure: Figure) => void, name: string, suffix: string, found: Load): void {
  const { perSecond, p50Ms, p99Ms, refusedPerSecond } = found
  report({ figure: `api.${name}.${suffix}`, value: perSecond, unit: 'requests/s' })
  report({ figure: `api.${name}-p50.${suffix}`, value: p50Ms, unit: 'ms' })
  report({ figure: `api.${name}-p99.${suffix}`, value: p99Ms, unit: 'ms' })
  if (refusedPerSecond > 0)
    report({ figure: `api.${name}-refused.${suffix}`, value: refusedPerSecond, unit: 'requests/s' })
}
