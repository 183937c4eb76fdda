import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { DeviceColumns, DevicePopulation } from '../simulations/fleet/device-population.ts'
import type { Suite } from './figure.ts'
import { fleetPeers } from './fleet/fleet-peers.ts'
import { onOffCost, oortCosts } from './fleet/population-costs.ts'

const built = (name: string) => fileURLToPath(new URL(`fleet/${name}.js`, import.meta.url))
const run = promisify(execFile)

interface Measured {
  readonly startSeconds: number
  readonly seconds: number
  readonly updatesPerSecond: number
  readonly cpuMicrosecondsOfUpdate: number
  readonly cpuMsOfRound: number
  readonly peakMb: number
}

/** Measures fleets with a learner that does almost nothing, each in a process of its own. */
export const fleetSuite: Suite = async (report) => {
  report({ figure: 'fleet.bytes-per-dormant', value: bytesOfDevice(1_000_000), unit: 'B' })
  const few = await measured('buffer', 10_000, 100)
  const million = await measured('buffer', 1_000_000, 100)
  report({ figure: 'fleet.start', value: million.startSeconds, unit: 's' })
  report({ figure: 'fleet.million', value: million.seconds, unit: 's' })
  report({ figure: 'fleet.million-memory', value: million.peakMb, unit: 'MB' })
  report({ figure: 'fleet.updates-per-second', value: million.updatesPerSecond, unit: 'updates/s' })
  report({ figure: 'fleet.cpu-of-update', value: million.cpuMicrosecondsOfUpdate, unit: 'µs' })
  const many = await measured('buffer', 10_000_000, 100)
  report({ figure: 'fleet.start-ten-million', value: many.startSeconds, unit: 's' })
  report({ figure: 'fleet.ten-million', value: many.seconds, unit: 's' })
  report({ figure: 'fleet.ten-million-memory', value: many.peakMb, unit: 'MB' })
  const growth = many.cpuMicrosecondsOfUpdate / few.cpuMicrosecondsOfUpdate
  report({ figure: 'fleet.growth', value: growth, unit: '× CPU an update from 10⁴ to 10⁷' })
  const rounds = await measured('rounds', 1_000_000, 20)
  report({ figure: 'fleet.sync-million', value: rounds.cpuMsOfRound, unit: 'ms CPU a round' })
  const { microseconds, bytes } = await printed('activation-process')
  report({ figure: 'fleet.activation', value: microseconds, unit: 'µs CPU' })
  report({ figure: 'fleet.activation-heap', value: bytes, unit: 'B' })
  const { bare, fleet, mostWaiting } = await printed('pool-process')
  report({ figure: 'fleet.pool', value: fleet, unit: 'samples/s of CPU', baseline: bare, ratio: fleet / bare })
  report({ figure: 'fleet.waiting', value: mostWaiting, unit: 'updates' })
  const oort = oortCosts()
  report({ figure: 'fleet.oort-million', value: oort.ms, unit: 'ms CPU a round' })
  report({ figure: 'fleet.oort-bytes', value: oort.bytes, unit: 'B a row' })
  report({ figure: 'fleet.on-off', value: onOffCost(), unit: 'ns CPU a look' })
  await fleetPeers(report)
}

type Figures = 'microseconds' | 'bytes' | 'bare' | 'fleet' | 'mostWaiting'

/** The figures that a program prints. */
async function printed(name: string): Promise<Readonly<Record<Figures, number>>> {
  const { stdout } = await run(process.execPath, ['--expose-gc', built(name)])
  return JSON.parse(stdout)
}

/** Bytes of a device without work, with two numbers that a selector remembers. */
function bytesOfDevice(count: number): number {
  const columns = new DeviceColumns(count)
  const facts = { columns, clock: { now: () => 0 } }
  const population = new DevicePopulation('trainer', { first: 0, end: count }, facts)
  for (const column of ['utility', 'seconds']) population.known(column)
  return (columns.bytes + population.bytes) / count
}

async function measured(kind: 'buffer' | 'rounds', devices: number, rounds: number): Promise<Measured> {
  const { stdout } = await run(process.execPath, [built('fleet-process'), kind, String(devices), String(rounds)])
  return JSON.parse(stdout)
}
