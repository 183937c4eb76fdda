import trivial from '../../examples/trivial/workload.ts'
import { fedAvg, fedBuff } from '../../sdk/index.ts'
import { behaviourFrom, simulate } from '../../simulations/index.ts'

/**
 * Program: simulates a fleet of devices with a learner that does almost nothing, and prints seconds, milliseconds of
 * processor time and the peak of memory as JSON.
 */
const [kind = 'buffer', devices = 1, rounds = 1] = process.argv.slice(2).map((text) => Number(text) || text)

/** All devices below one aggregator, named by one entry. */
const topology: typeof trivial.topology = ({ clients }) => {
  const { schema } = trivial.topology({ ...trivial.settings, clients: 1 })
  return { schema, dataSpec: [{ role: 'trainer', datasetGroups: { default: [{ dataset: '0', count: clients }] } }] }
}
const workload: typeof trivial = {
  ...trivial,
  topology,
  strategy: ({ clients }) =>
    kind === 'buffer'
      ? fedBuff({ bufferSize: 1_000, concurrency: 2_000 })
      : fedAvg({ fraction: Math.min(1, 1_300 / clients), quorum: 1_000 / 1_300 }),
}
const behaviour = behaviourFrom({ availability: 'diurnal', speed: 'lognormal:1,0.5' }, { seed: 1 })
const before = process.cpuUsage()
const began = performance.now()
let first: { readonly at: number; readonly cpu: number } | undefined
const cpuMs = () => {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
const run = await simulate(workload, {
  devices: Number(devices),
  settings: { rounds: Number(rounds) },
  behaviour,
  keep: { last: 1 },
  onRound() {
    first ??= { at: performance.now(), cpu: cpuMs() }
  },
})
const started = performance.now()
const { state, cause, history } = await run.result
if (state !== 'completed') throw cause
const ended = performance.now()
const later = history.slice(1).reduce((sum, { counted }) => sum + counted, 0)
console.log(
  JSON.stringify({
    startSeconds: (started - began) / 1000,
    seconds: (ended - began) / 1000,
    updatesPerSecond: later / ((ended - (first?.at ?? began)) / 1000),
    cpuMicrosecondsOfUpdate: (1000 * (cpuMs() - (first?.cpu ?? 0))) / later,
    cpuMsOfRound: (cpuMs() - (first?.cpu ?? 0)) / Math.max(1, history.length - 1),
    peakMb: process.resourceUsage().maxRSS / 1024,
  }),
)
