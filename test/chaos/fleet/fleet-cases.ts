import trivial from '../../../examples/trivial/workload.ts'
import { fedAvg, fedBuff } from '../../../sdk/index.ts'
import { behaviourFrom, type FleetRound, type SimulateOptions, simulate } from '../../../simulations/index.ts'
import { stateful } from '../../support/stateful-workload.ts'

interface FleetCase {
  readonly workload: typeof trivial
  readonly options: SimulateOptions<(typeof trivial)['settings']>
}

const behaviour = behaviourFrom({ availability: 'diurnal', speed: 'lognormal:1,0.5', dropout: '0.1' }, { seed: 3 })

/** Fleets to kill: rounds that close before all have answered, a buffer, clients that keep a state, and trees, one with limits. */
export const fleetCases: Readonly<Record<string, FleetCase>> = {
  fedavg: {
    workload: { ...trivial, strategy: () => fedAvg({ fraction: 0.1, quorum: 0.7, deadlineMs: 4_000 }) },
    options: { devices: 500, settings: { rounds: 40 }, behaviour },
  },
  fedbuff: {
    workload: { ...trivial, strategy: () => fedBuff({ bufferSize: 20, concurrency: 40 }) },
    options: { devices: 500, settings: { rounds: 80 }, behaviour },
  },
  scaffold: {
    workload: stateful,
    options: { devices: 60, settings: { rounds: 40 }, behaviour },
  },
  buffers: {
    workload: { ...trivial, strategy: () => fedBuff({ bufferSize: 4, middleBufferSize: 10, concurrency: 20 }) },
    options: { devices: 300, settings: { rounds: 40, topology: 'hierarchical' }, behaviour },
  },
  tree: {
    workload: trivial,
    options: {
      ...{ devices: 300, settings: { rounds: 40, topology: 'hierarchical', levels: 3 }, behaviour },
      aggregators: { updates: 20, receive: 1e5, memory: 2e4, latencyMs: 50, failures: { perHour: 120, seconds: 10 } },
    },
  },
}

/** The facts of a round that must be the same in each run. */
export function factsOf({ round, at, hash, asked, counted, lost, wasted }: FleetRound): string {
  return JSON.stringify({ round, at, hash, asked, counted, lost, wasted })
}

/** Simulates a case, in memory or on a folder, and tells each round. */
export async function simulateCase(
  { workload, options }: FleetCase,
  told: (facts: string) => void,
  store?: string,
): Promise<void> {
  for await (const round of await simulate(workload, { ...options, ...(store !== undefined && { store }) }))
    told(factsOf(round))
}
