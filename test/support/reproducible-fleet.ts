import { createHash } from 'node:crypto'
import { behaviourFrom, type FleetBehaviour, simulate } from '../../simulations/index.ts'
import { factsOf, fleetCases } from '../chaos/fleet/fleet-cases.ts'

const rounds = 4

/**
 * By kind of fleet: the last round's hash and virtual time, and a hash of the facts of all rounds, which are the same on each
 * Node. Devices come and go, differ in speed and bandwidth, give up, lose links, and leave for good.
 */
export async function reproducibleFleet(seed: number): Promise<Readonly<Record<string, string>>> {
  const told: Record<string, string> = {}
  for (const [name, { workload, options }] of Object.entries(fleetCases)) {
    const settings = { ...options.settings, rounds }
    const run = await simulate(workload, { ...options, settings, seed, behaviour: lively(seed), devices: 200 })
    const { history } = await run.result
    const facts = createHash('sha256').update(history.map(factsOf).join()).digest('hex')
    const last = history.at(-1)
    told[name] = `${last?.hash} ${last?.at} ${facts}`
  }
  return told
}

function lively(seed: number): FleetBehaviour {
  const numbers = { speed: 'lognormal:1,0.8', download: 'lognormal:2e4,1', upload: 'tiers:0.5:5e3,0.5:5e4' }
  const faults = { dropout: '0.1', link: '0.05,60', delay: '200,1' }
  return behaviourFrom({ availability: 'diurnal', ...numbers, ...faults, churn: '0.0005,1', skew: '30' }, { seed })
}
