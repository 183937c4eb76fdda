import { parseArgs } from 'node:util'
import { chaos } from './chaos.ts'
import { fleetCases } from './fleet/fleet-cases.ts'
import { fleetChaos } from './fleet/fleet-chaos.ts'
import { jobCases } from './job-cases.ts'
import { linkChaos } from './links/link-chaos.ts'
import { registryChaos } from './registry/registry-chaos.ts'
import { serverChaos } from './server/server-chaos.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    // Options of a job
    workload: { type: 'string', default: 'examples/mnist' },
    set: { type: 'string', default: 'rounds=4,fraction=0.02' },
    workers: { type: 'string', default: '2' },
    // Options of a server
    store: { type: 'string', default: 'lmdb' },
    rounds: { type: 'string' },
    // Jobs: those whose workload and settings have this text. Fleets: those whose name has it
    only: { type: 'string', default: '' },
    // Options of links
    transport: { type: 'string', default: 'ws' },
    faulty: { type: 'boolean', default: false },
  },
})

const seed = Number(values.seed)
const report = (line: string) => console.log(line)

async function faults(subject: string): Promise<number> {
  const { kills, store, rounds = '150', transport, faulty: isFaulty } = values
  if (subject === 'job') return chaos({ ...values, kills: Number(kills ?? 20), seed, report })
  if (subject === 'jobs') return jobs(Number(kills ?? 20), Number(values.rounds ?? 40))
  if (subject === 'server' && (store === 'lmdb' || store === 'mongodb'))
    return (await serverChaos({ store, kills: Number(kills ?? 100), seed, rounds: Number(rounds), report })).length
  if (subject === 'links' && (transport === 'ws' || transport === 'mqtt'))
    return (await linkChaos({ transport, kills: Number(kills ?? 100), seed, rounds: Number(rounds), isFaulty, report }))
      .length
  if (subject === 'registry')
    return (await registryChaos({ kills: Number(kills ?? 50), seed, rounds: Number(rounds), report })).length
  if (subject === 'fleet') return fleets(Number(kills ?? 20))
  throw new Error(
    `chaos of ${subject} on ${store} over ${transport}: there are job, jobs, fleet, server on lmdb and mongodb, registry, and links over ws and mqtt`,
  )
}

/** Kills jobs of many kinds, a job after another. */
async function jobs(kills: number, rounds: number): Promise<number> {
  let wrong = 0
  for (const job of jobCases(rounds)) {
    if (!`${job.workload} ${job.set}`.includes(values.only)) continue
    report(`${job.workload} --set ${job.set}`)
    const found = await chaos({
      ...job,
      workers: '0',
      kills,
      seed,
      report: (line) => /WRONG/.test(line) && report(line),
    })
    report(`${kills - found} passed, ${found} failed`)
    wrong += found
  }
  return wrong
}

/** Kills simulations of fleets of each case. */
async function fleets(kills: number): Promise<number> {
  let wrong = 0
  for (const name of Object.keys(fleetCases)) {
    if (!name.includes(values.only)) continue
    const found = await fleetChaos(name, { kills, seed, report })
    report(`${name}: ${kills} kills, ${found} lives with other rounds`)
    wrong += found
  }
  return wrong
}

process.exitCode = (await faults(positionals[0] ?? 'job')) === 0 ? 0 : 1
