import { actorSystem } from '../../runtime/index.ts'
import {
  assertValid,
  keepingRounds,
  type PreparedJob,
  prepareJob,
  requireChoices,
  requireSeed,
  resolveSettings,
  type Settings,
  type TrainingPool,
  type Workload,
} from '../../sdk/index.ts'
import { simulationError } from '../errors.ts'
import { badOption, isWhole, loadedFrom, ToldRounds, texts } from '../loaded-workload.ts'
import { claimRun, openRunStore } from '../run-store.ts'
import { aggregatorFigures, saturatesFirst } from './aggregators/aggregator-load.ts'
import { type AggregatorCapacities, capacityOf, requireCapacities } from './aggregators/capacity.ts'
import { Outages } from './aggregators/outages.ts'
import { Station } from './aggregators/station.ts'
import { clientsOfDevices } from './behaviour/correlation.ts'
import { type Checkpoints, openCheckpoints } from './checkpoints.ts'
import { activate, type DeviceHost } from './device-life.ts'
import { DeviceColumns, deviceNumber } from './device-population.ts'
import { Fleet } from './fleet.ts'
import { fleetHost } from './fleet-host.ts'
import { fleetPlan } from './fleet-plan.ts'
import { fleetRound, quarterBy } from './fleet-round.ts'
import type { FleetResult, FleetRound, FleetRun, SimulateOptions } from './fleet-run.ts'
import { atOnce, type Landing } from './flight.ts'

/** Default number of flights whose work is done ahead of virtual time. */
const defaultAhead = 16
/** Rows of a population are numbers of 32 bits, of which a device's number takes less. */
const mostDevices = 100_000_000

/**
 * Simulates a fleet of devices in virtual time: the workload's job with the real roles, in which each device is a client.
 * `workload` is a workload, or the folder, path or URL of its module, which threads need.
 *
 * @throws (before any round) SIMULATION_OPTION, SIMULATION_CLIENTS, SIMULATION_TOPOLOGY, SIMULATION_WORKERS,
 *   SIMULATION_WORKLOAD, SIMULATION_DIFFERS, JOB_SEED, STRATEGY_KIND, STRATEGY_CHOICE, and the errors of loading the workload,
 *   of its settings, its topology and its data; LEARN_LABELS where the data should go with a behaviour, and say no labels.
 */
export async function simulate<S extends Settings>(
  workload: Workload<S> | string | URL,
  options: SimulateOptions<S>,
): Promise<FleetRun> {
  const { seed = 1, store: folder, algorithms = {}, devices } = options
  requireSeed(seed)
  requireOptions(options)
  requireChoices(algorithms)
  const { definition, poolOf } = await loadedFrom(workload, options.workers)
  const { name } = definition
  const settings = resolveSettings(
    definition.settings,
    { ...texts(options.settings), clients: String(devices) },
    mostDevices,
  )
  const topology = definition.topology(settings)
  assertValid(topology)
  const plan = fleetPlan(topology, definition)
  requireCapacities(options.aggregators ?? {}, [...new Set(plan.aggregators.map(({ roleName }) => roleName))])
  if (plan.devices !== devices)
    throw simulationError('SIMULATION_CLIENTS', { devices, came: `the topology has ${plan.devices} clients` })

  const opened = await openRunStore(folder)
  const closing = new AbortController()
  const registry = options.keep ? keepingRounds(opened.registry, options.keep) : opened.registry
  const { checkpoints, clientOf, ...job } = await prepared().catch(async (cause: unknown) => {
    closing.abort()
    await opened.close()
    throw cause
  })

  const { behaviour = atOnce, ahead = defaultAhead, hours = Number.POSITIVE_INFINITY } = options
  const { pool } = job
  const columns = new DeviceColumns(devices)
  const hosts = new Map<Landing, DeviceHost>()
  const told = new ToldRounds<FleetRound>()
  const quarterOf = quarterBy(behaviour.speed, (end) => deviceNumber(end, `${plan.role}-`))
  for (const round of checkpoints.rounds) told.note(round, () => false)
  const fleet: Fleet = new Fleet({
    ...{ behaviour, columns, ahead, until: hours * 3_600_000 },
    samplesOf: (device) => pool.samples?.(clientOf(device)) ?? 1,
    epochs: pool.ownSteps?.epochs ?? 1,
    answerBytes: 4 * pool.layout.size * Object.keys(job.strategy.aggregation.vectors).length,
    activate(flight) {
      const host = hosts.get(flight.landing)
      if (host) activate(flight, host, clientOf(flight.device))
    },
    idle: () => system.idle(),
    nobody: () => simulationError('SIMULATION_NOBODY', { at: fleet.clock.now() }),
  })
  const stations = options.aggregators && stationsOf(options.aggregators)
  const system = actorSystem({ clock: fleet.clock, onFault: (cause) => fleet.fail(cause) })
  let isStopped = false
  system.spawn(
    'fleet',
    fleetHost({
      ...{ plan, job, fleet, columns, registry, stations, hosts },
      availability: options.behaviour?.availability,
      saved: checkpoints.saved,
      ownOf: (end) => checkpoints.ownOf(end),
      async onRound(summary, record) {
        const round = fleetRound(summary, record, fleet.takeTally(), fleet.clock.now(), quarterOf)
        told.note(round, (other) => other.round === round.round)
        checkpoints.note(round)
        try {
          await options.onRound?.(round)
        } catch (cause) {
          fleet.fail(cause)
        }
      },
      onReport(report) {
        if (report.type === 'notice') options.onNotice?.(report.end, report.notice)
        if (report.type === 'log') options.onLog?.(report.end, report.entry)
      },
      // Without a folder nobody goes on from a checkpoint.
      async checkpoint(save, isLast) {
        if (folder !== undefined) await checkpoints.save(save, isLast)
      },
      isCheckpointDue: () => folder !== undefined && checkpoints.isDue(),
    }),
    { supervise: { type: 'stop' } },
  )
  const result = ended()

  return {
    name,
    settings,
    result,
    get now() {
      return fleet.clock.now()
    },
    async stop() {
      isStopped = true
      fleet.end()
      await result
    },
    [Symbol.asyncIterator]: () => told.iterate(result),
  }

  async function prepared(): Promise<
    PreparedJob & { readonly checkpoints: Checkpoints; readonly clientOf: (device: number) => number }
  > {
    const place = folder ?? 'memory'
    await claimRun(opened.store, place, name, { seed, settings, algorithms })
    const checkpoints = await openCheckpoints(opened.store, name, { place, every: options.checkpointEvery })
    const ready = await prepareJob(
      {
        ...{ run: name, workload: definition, schema: plan.schema, algorithms },
        hyperparameters: { ...settings, seed },
        clients: devices,
        mostClients: mostDevices,
        fewestTrainers: () => devices,
        requirePool({ clients }) {
          if (clients < devices)
            throw simulationError('SIMULATION_CLIENTS', { devices, came: `the data have ${clients} clients` })
        },
      },
      { poolOf },
      closing.signal,
    )
    return { ...ready, checkpoints, clientOf: await clientsOf(ready.pool) }
  }

  function stationsOf(capacities: AggregatorCapacities): ReadonlyMap<string, Station> {
    const made = plan.aggregators.map(({ end, roleName }) => {
      const capacity = capacityOf(capacities, roleName)
      const outages = capacity.failures && new Outages(capacity.failures, seed, end)
      return [end, new Station(capacity, () => fleet.moved(), outages)] as const
    })
    return new Map(made)
  }

  /** The work of the aggregators. */
  function loads(): Pick<FleetResult, 'aggregators' | 'saturatesFirst'> {
    if (!stations) return {}
    const ends = [...stations].toSorted(([a], [b]) => (a < b ? -1 : 1))
    const aggregators = ends.map(([end, { load }]) => aggregatorFigures(end, load, fleet.clock.now()))
    const first = saturatesFirst(aggregators)
    return { aggregators, ...(first && { saturatesFirst: first }) }
  }

  /** The client whose data a device has: that of its number, unless the data go with the behaviour. */
  async function clientsOf(pool: TrainingPool): Promise<(device: number) => number> {
    const order = options.behaviour?.dataOrder
    if (!order) return (device) => device
    const labels = await pool.labels?.(devices)
    const clients = clientsOfDevices(devices, order, (client) => labels?.[client] ?? 0, { seed })
    return (device) => clients[device] ?? device
  }

  async function ended(): Promise<FleetResult> {
    let failure: { readonly cause: unknown } | undefined
    try {
      await fleet.run()
    } catch (cause) {
      failure = { cause }
    }
    try {
      await system.terminate()
      await pool.close()
      await opened.close()
    } catch (cause) {
      failure ??= { cause }
    }
    told.end()
    const { history } = told
    if (failure) return { state: 'failed', cause: failure.cause, history, ...loads() }
    return { state: isStopped ? 'stopped' : 'completed', history, ...loads() }
  }
}

/** Checks options that a program in JavaScript, or a number that it read, may give otherwise than the types say. */
function requireOptions({
  devices,
  workers = 0,
  ahead = defaultAhead,
  hours = 1,
  checkpointEvery = 1,
  store,
}: Pick<SimulateOptions, 'devices' | 'workers' | 'ahead' | 'hours' | 'checkpointEvery' | 'store'>): void {
  if (!isWhole(devices, 1) || devices > mostDevices)
    throw badOption('devices', devices, `a whole number from 1 to ${mostDevices}`)
  if (!isWhole(workers, 0)) throw badOption('workers', workers, 'a whole number from 0 on')
  if (!isWhole(ahead, 1)) throw badOption('ahead', ahead, 'a whole number from 1 on')
  if (!isWhole(checkpointEvery, 1)) throw badOption('checkpointEvery', checkpointEvery, 'a whole number from 1 on')
  if (!(hours > 0)) throw badOption('hours', hours, 'a number above 0')
  if (store === '') throw badOption('store', store, 'the path of a folder')
}
