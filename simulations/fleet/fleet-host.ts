import { type Behavior, fieldsOf, isObject, isString } from '../../runtime/index.ts'
import {
  type Attachment,
  attachedRole,
  type ChannelPort,
  type ChannelWiring,
  emulationNotice,
  type ModelRegistry,
  type OwnGenerations,
  type OwnPlace,
  type PreparedJob,
  type Role,
  type RoleTask,
  type RoundKeeper,
  type RoundRecord,
  type RoundSummary,
  type RoundSurroundings,
  randomStream,
  restProperty,
  roundPublisher,
  type TaskReport,
  UnjournalledKeeper,
} from '../../sdk/index.ts'
import { carrier } from './aggregators/carrier.ts'
import type { Station, Waiting } from './aggregators/station.ts'
import type { Availability } from './behaviour.ts'
import type { SavedAggregator, SavedFleet, SavedFlight } from './checkpoints.ts'
import type { DeviceHost } from './device-life.ts'
import { type DeviceColumns, DevicePopulation } from './device-population.ts'
import { DevicesPort } from './devices-port.ts'
import type { Fleet } from './fleet.ts'
import type { FleetPlan } from './fleet-plan.ts'
import { Flight, type Landing } from './flight.ts'
import { AggregatorPort, type WhenFree } from './waiting-port.ts'

/** The parts of a fleet that its host joins. */
export interface FleetParts {
  readonly plan: FleetPlan
  readonly job: PreparedJob
  readonly fleet: Fleet
  readonly columns: DeviceColumns
  /** Absent if devices are always available. */
  readonly availability: Availability | undefined
  readonly registry: Pick<ModelRegistry, 'commit'>
  /** By end of an aggregator: where its messages wait. Absent: they take no time. */
  readonly stations: ReadonlyMap<string, Station> | undefined
  /** Filled by the host: how the devices of each port are activated. */
  readonly hosts: Map<Landing, DeviceHost>
  /** Where the run goes on. Absent: it begins. */
  readonly saved: SavedFleet | undefined
  readonly ownOf: (end: string) => OwnPlace
  /** A round was published. */
  readonly onRound: (round: RoundSummary, record: RoundRecord) => Promise<void>
  readonly onReport: (report: TaskReport) => void
  /** A round was committed, and the whole fleet can be saved. `isLast`: no further round follows. */
  readonly checkpoint: (save: () => SavedFleet, isLast: boolean) => Promise<void>
  /** Whether a checkpoint would be made. */
  readonly isCheckpointDue: () => boolean
}

/** An aggregator of a fleet. */
export interface Aggregator {
  readonly ports: readonly (DevicesPort | AggregatorPort)[]
  readonly station: Station | undefined
  /** The state of the last committed round. */
  state: unknown
}

/** The parent of a fleet's aggregators and of its active devices. */
export function fleetHost(parts: FleetParts): Behavior<TaskReport> {
  const { plan, job, fleet, registry, hosts, saved, ownOf, onRound, onReport, checkpoint } = parts
  return (context) => {
    const { run, workload, algorithm, seed, settings, pool, strategy } = job
    if (saved) fleet.resume(saved)
    const records: RoundRecord[] = []
    let rests = 0
    const publisher = roundPublisher(
      {
        ...{ run, workload, seed, pool, strategy, registry },
        ...(algorithm && { algorithm }),
        async onRound(round) {
          const record = records.shift()
          if (record) await onRound(round, record)
        },
      },
      context,
    )
    const reports = context.self
    const surroundings: RoundSurroundings = {
      ...{ job: run, seed, settings, pool, strategy, reports, checkDeterminism: false, interruptible: false },
    }
    const [first] = plan.aggregators
    const emulation = emulationNotice(pool.jobProducts)
    if (first && emulation) reports.tell({ type: 'notice', end: first.end, notice: emulation })
    const secretOf = (end: string) => secret(seed, end)
    const facts = { columns: parts.columns, clock: fleet.clock, availability: parts.availability }
    const carry = carrier(fleet.clock)
    const whenFree: WhenFree = (population, free) => fleet.whenFree(population, free)
    const aggregators = new Map<string, Aggregator>()
    const places = new Map(plan.aggregators.map(({ end }) => [end, fleet.parking.place()] as const))
    for (const task of plan.aggregators) {
      const station = parts.stations?.get(task.end)
      aggregators.set(task.end, { station, ports: portsOf(task, station), state: undefined })
    }
    joinAll(plan.aggregators, aggregators)
    if (saved) resumeAll(saved)
    for (const task of plan.aggregators)
      context.spawn(task.end, attachedRole(task, surroundings, attachmentOf(task)), { supervise: { type: 'stop' } })
    fleet.begin()
    return onReport

    function portsOf(task: RoleTask, station: Station | undefined): (DevicesPort | AggregatorPort)[] {
      const way = station && { station, carry }
      const place = places.get(task.end) ?? fleet.parking.place()
      return task.channels.map((wiring) => {
        if (!wiring.othersHoldData)
          return new AggregatorPort(wiring, place, task.end, whenFree, { population: selectable(task, wiring), way })
        const group = plan.groups.find(({ aggregator }) => aggregator === task.end)
        const population = new DevicePopulation(plan.role, group ?? { first: 0, end: 0 }, facts)
        const port = new DevicesPort(wiring, place, population, fleet, station)
        if (group) hosts.set(port, { actor: context, job: surroundings, task: group.task, ownOf, secretOf })
        return port
      })
    }

    /** In rounds, an aggregator selects among the devices below the aggregators below it. */
    function selectable({ end }: RoleTask, { expected, funcTags }: ChannelWiring): DevicePopulation | undefined {
      const range = plan.rangeOf(end)
      if (!funcTags.includes('distribute') || strategy.waiting.kind === 'buffer' || !range) return undefined
      const holders = [...expected].flatMap((other) => {
        const below = plan.rangeOf(other)
        return below ? [{ end: other, range: below }] : []
      })
      const holderOf = (device: number) =>
        holders.find(({ range: { first, end: last } }) => device >= first && device < last)?.end ?? ''
      return new DevicePopulation(plan.role, range, { ...facts, holderOf })
    }

    function attachmentOf(task: RoleTask): Attachment {
      const { end } = task
      const place = places.get(end)
      const aggregator = aggregators.get(end)
      if (!place || !aggregator) throw new RangeError(`no aggregator ${end}`)
      return {
        ports: aggregator.ports,
        keeper: <State, Channels>(role: Role<State, Channels>): RoundKeeper<State> => {
          const before = saved?.aggregators[end]?.state
          const state = before !== undefined && role.isState(before) ? before : undefined
          aggregator.state = state
          return new UnjournalledKeeper<State>(task, surroundings, {
            restored: state,
            own: ownInMemory(),
            secret: () => secretOf(end),
            async commit(next, published) {
              for (const port of aggregator.ports) committed(port, next)
              if (!isResting(next)) aggregator.station?.committed(fleet.clock.now())
              for (const record of published) await publisher.publish(record)
              aggregator.state = next
              if (end === plan.top && role.done(next)) close(aggregators)
              for (const record of published) {
                records.push(record)
                await publisher.announce(record)
              }
              if (published.length > 0) await fleet.hold(place, () => atRest(end === plan.top && role.done(next)))
            },
          })
        },
        committed() {},
        ended(failure) {
          place.leave()
          if (failure) fleet.fail(failure.cause)
          else if (end === plan.top) fleet.end()
        },
      }
    }

    /** What comes after a round counts only where the aggregator's state says so. */
    function committed(port: DevicesPort | AggregatorPort, state: unknown): void {
      port.committed()
      if (port instanceof DevicesPort) port.abandonAllBut(workingEnds(state))
    }

    /** Saves the fleet, unless an aggregator below is in the middle of a round, and can't rest there. */
    async function atRest(isLast: boolean): Promise<void> {
      const ports = [...aggregators.values()].flatMap((aggregator) => aggregator.ports)
      const areAtRest = () => ports.every((port) => port.isAtRest)
      if (!areAtRest()) {
        const mayRest = strategy.waiting.kind === 'buffer' && strategy.waiting.deadlineMs === undefined
        if (isLast || !mayRest || !parts.isCheckpointDue() || ports.some((port) => !port.isIdle)) return
        rests += 1
        for (const port of ports) if (asks(port)) port.setProperty(restProperty, rests)
        await fleet.parking.quiet()
        if (!areAtRest()) return
      }
      await checkpoint(save, isLast)
    }

    function save(): SavedFleet {
      const { answers, last } = parts.columns
      const each = [...aggregators].map(
        ([end, { state, ports, station }]) =>
          [end, { state, ports: savedPorts(state, ports), ...(station && { station: station.saved }) }] as const,
      )
      return { ...fleet.position, answers, last, aggregators: Object.fromEntries(each) }
    }

    function resumeAll({ answers, last, aggregators: before }: SavedFleet): void {
      parts.columns.answers.set(answers)
      parts.columns.last.set(last)
      for (const [end, { ports, station }] of aggregators) {
        const queued = new Map<number, Waiting>()
        for (const port of ports) {
          const { memory, flights = [], left = [] } = before[end]?.ports[port.wiring.name] ?? {}
          if (memory) port.population?.restore(memory)
          if (!(port instanceof DevicesPort)) {
            const working = [...workingEnds(before[end]?.state)]
            if (asks(port)) port.resume(working.filter((other) => isResting(before[other]?.state)))
            continue
          }
          const underWay = flights.map((flight) => resumed(port, flight))
          for (const flight of underWay) if (flight.isQueued) queued.set(flight.order, flight)
          port.resume(underWay, left)
        }
        const waiting = before[end]?.station
        if (waiting) station?.resume(waiting, queued)
      }
    }

    function resumed(port: DevicesPort, { at, isLost, isStale, isQueued = false, ...departure }: SavedFlight): Flight {
      const end = port.population.endOf(departure.device)
      const flight = new Flight({ ...departure, end, landing: port, message: undefined })
      flight.at = at
      flight.isLost = isLost
      flight.isStale = isStale
      flight.isQueued = isQueued
      fleet.resumeFlight(flight)
      return flight
    }
  }
}

/** Whether a port is one to aggregators below. */
function asks(port: DevicesPort | AggregatorPort): port is AggregatorPort {
  return port instanceof AggregatorPort && port.wiring.funcTags.includes('distribute')
}

/** Whether an aggregator rests in the middle of a buffer. */
function isResting(state: unknown): boolean {
  return fieldsOf(fieldsOf(state).buffers).open !== undefined
}

/** The ends that an asynchronous aggregator believes at work. */
function workingEnds(state: unknown): ReadonlySet<string> {
  const { flight, buffers } = fieldsOf(state)
  const { underWay } = fieldsOf(flight ?? fieldsOf(buffers).flight)
  const ends = new Set<string>()
  if (!Array.isArray(underWay)) return ends
  for (const work of underWay) if (isObject(work) && 'end' in work && isString(work.end)) ends.add(work.end)
  return ends
}

function savedPorts(state: unknown, ports: Aggregator['ports']): SavedAggregator['ports'] {
  const working = workingEnds(state)
  return Object.fromEntries(
    ports.map((port) => [
      port.wiring.name,
      {
        ...(port.population && { memory: port.population.memory }),
        ...(port instanceof DevicesPort && port.saved(working)),
      },
    ]),
  )
}

/** The training ends: aggregators wait for no more devices. */
function close(aggregators: ReadonlyMap<string, Aggregator>): void {
  for (const { ports } of aggregators.values()) for (const port of ports) port.isClosing = true
}

/** Joins the ports of aggregators on each channel with those of the other role of the same group. */
function joinAll(tasks: readonly RoleTask[], aggregators: ReadonlyMap<string, Aggregator>): void {
  const portOf = (end: string, channel: string) =>
    aggregators.get(end)?.ports.find((port: ChannelPort) => port.wiring.name === channel)
  for (const { end } of tasks)
    for (const port of aggregators.get(end)?.ports ?? []) {
      if (!(port instanceof AggregatorPort)) continue
      const others = [...port.wiring.expected].toSorted().flatMap((other) => {
        const found = portOf(other, port.wiring.name)
        return found instanceof AggregatorPort ? [[other, found] as const] : []
      })
      port.join(new Map(others))
    }
}

/** A secret that a simulation can repeat, since it depends on the seed alone. */
function secret(seed: number, end: string): Uint8Array {
  const stream = randomStream(seed, 'secret', end)
  return Uint8Array.from({ length: 32 }, () => stream.below(256))
}

function ownInMemory(): OwnPlace {
  let kept: OwnGenerations | undefined
  return {
    load: () => kept,
    async save(own) {
      kept = own
    },
  }
}
