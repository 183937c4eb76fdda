/** The demand on a fleet. Times are those of devices; shares are of all devices. */
export interface Demand {
  readonly devices: number
  /** Bytes of the model, and of an update. */
  readonly modelBytes: number
  /** Works that a device does in a day. */
  readonly worksPerDay: number
  /** Share of the devices that are connected at the peak of the day, and in the mean. */
  readonly peak: number
  readonly mean: number
  /** Mean seconds of a work: receiving, training, sending. */
  readonly workSeconds: number
  /** Share of the works that devices give up, on average in their middle. */
  readonly lost: number
  /** Updates of a version of the model. */
  readonly updatesOfVersion: number
  /** Updates of a buffer of an aggregator at the leaves of a tree. */
  readonly updatesOfBuffer: number
}

/** The measured costs of single operations on one core. */
export interface UnitCosts {
  /** Processor time of an update in the roles, without its bytes: microseconds. */
  readonly updateMicroseconds: number
  /** Processor time of a link's end for a megabyte (10⁶ bytes): milliseconds. */
  readonly linkMsOfMegabyte: number
  /** Processor time of adding a megabyte of weights: milliseconds. */
  readonly sumMsOfMegabyte: number
  /** Heap of an idle link: bytes. */
  readonly linkBytes: number
  /** Processor time of an idle link in a minute: milliseconds. */
  readonly idleMsOfMinute: number
}

/** Measured by `npm run bench -- job`, `link` and `sum` on a quiet machine of two cores: docs/performance.md has the figures. */
export const unitCosts: UnitCosts = {
  updateMicroseconds: 43,
  // 27.6 ms for 6.65 MB there and back, which both ends send and receive.
  linkMsOfMegabyte: 27.6 / (4 * 6.65),
  sumMsOfMegabyte: 1.2 / 6.65,
  linkBytes: 7_129,
  idleMsOfMinute: 0.206,
}

/** The resources that an operator gives to one process of an aggregator. */
export const limits = {
  /** Share of a core, and of a link, that is planned for. */
  used: 0.6,
  /** Bytes a second of a link of 10 Gbit/s, each way. */
  linkRate: 1.25e9,
  /** Links of devices to one process: a fifth of a core, and 0.4 GB. */
  devices: 50_000,
  /** Seconds between frames of a silent link, and the longest frame. */
  beatSeconds: 30,
  frameBytes: 2 ** 18,
}

/** The fleets of the page: the FedAvg paper's CNN, one work of 2 minutes a device and day, availability `diurnal:0.4,0.1`. */
export const demands: readonly Demand[] = [
  { devices: 1e4, updatesOfVersion: 10 },
  { devices: 1e5, updatesOfVersion: 100 },
  { devices: 1e6, updatesOfVersion: 1_000 },
  { devices: 1e7, updatesOfVersion: 1_000 },
  { devices: 1e8, updatesOfVersion: 10_000 },
].map((size) => ({
  ...size,
  modelBytes: 4 * 1_663_370,
  ...{ worksPerDay: 1, peak: 0.4, mean: 0.25, workSeconds: 120, lost: 0.1, updatesOfBuffer: 100 },
}))

/** The load of a fleet, and the processes that bear it. Rates are by second. */
export interface CapacityPlan {
  /** Devices that are connected at the peak. */
  readonly connected: number
  /** Works that begin, in the mean. */
  readonly works: number
  readonly updates: number
  /** How many times the mean the peak is. */
  readonly peakFactor: number
  /** Devices that work at a time, in the mean. */
  readonly concurrency: number
  readonly versionsPerHour: number
  /** Bytes to and from devices at the peak. */
  readonly down: number
  readonly up: number
  /** Frames by a broker at the peak, beats of silent links included. */
  readonly frames: number
  /** Updates that one aggregator takes, with the bytes both ways, by the work of a core, and by its link. */
  readonly updatesByWork: number
  readonly updatesByLink: number
  /** Aggregators at the leaves, and which limit sets their number. */
  readonly leaves: number
  readonly leavesBy: 'work' | 'link' | 'connections'
  /** Cores that the bytes and sums of updates take in the leaves, at the peak. */
  readonly leafWork: number
  /** Levels of aggregators. */
  readonly levels: 1 | 2
  /** Share of a core that merging buffers takes at the top, at the peak. 0: no aggregators below. */
  readonly topWork: number
  /** Heap of links in one leaf, and models that it holds: bytes. */
  readonly leafMemory: number
  /** Base versions from which works are under way. */
  readonly versionsUnderWay: number
  /** Snapshots at the top and at all leaves: bytes a second. */
  readonly topSnapshots: number
  readonly leafSnapshots: number
  /** Decisions in journals. */
  readonly decisions: number
  /** Bytes of all versions' models in a day. */
  readonly registryPerDay: number
}

/** Most deltas that wait in an aggregator's process. */
const mostWaiting = 32

/** The load of an asynchronous fleet (FedBuff), and the aggregators that bear its peak. */
export function capacityPlan(demand: Demand, costs: UnitCosts = unitCosts): CapacityPlan {
  const { devices, modelBytes, worksPerDay, peak, mean, workSeconds, lost } = demand
  const works = (devices * worksPerDay) / 86_400
  const updates = works * (1 - lost)
  const peakFactor = peak / mean
  const connected = devices * peak
  const concurrency = works * workSeconds * (1 - lost / 2)
  const versionsPerHour = (3600 * updates) / demand.updatesOfVersion
  const framesOfModel = Math.ceil(modelBytes / limits.frameBytes)
  const megabytes = modelBytes / 1e6
  // An assignment goes out for each work, and an update comes in for most.
  const msOfUpdate =
    costs.updateMicroseconds / 1000 +
    megabytes * (costs.linkMsOfMegabyte * (1 + 1 / (1 - lost)) + costs.sumMsOfMegabyte)
  const updatesByWork = (1000 * limits.used) / msOfUpdate
  const updatesByLink = ((1 - lost) * limits.used * limits.linkRate) / modelBytes
  const peakUpdates = updates * peakFactor
  const needs = {
    work: peakUpdates / updatesByWork,
    link: peakUpdates / updatesByLink,
    connections: connected / limits.devices,
  }
  const [leavesBy] = (['work', 'link', 'connections'] as const).toSorted((a, b) => needs[b] - needs[a])
  const leaves = Math.max(1, Math.ceil(needs[leavesBy ?? 'work']))
  const levels = leaves > 1 ? 2 : 1
  const buffers = updates / demand.updatesOfBuffer
  // A partial sum has 8 bytes a weight; the next version goes down for each.
  const msOfBuffer =
    costs.updateMicroseconds / 1000 + megabytes * (3 * costs.linkMsOfMegabyte + 2 * costs.sumMsOfMegabyte)
  const versionsUnderWay = 1 + Math.ceil((updates * workSeconds) / demand.updatesOfVersion)
  return {
    ...{ connected, works, updates, peakFactor, concurrency, versionsPerHour },
    leafWork: (peakUpdates * msOfUpdate) / 1000,
    down: works * peakFactor * modelBytes,
    up: peakUpdates * modelBytes,
    frames: (works + updates) * peakFactor * framesOfModel + (2 * connected) / limits.beatSeconds,
    ...{ updatesByWork, updatesByLink, leaves, leavesBy: leavesBy ?? 'work', levels },
    topWork: levels === 1 ? 0 : (buffers * peakFactor * msOfBuffer) / 1000,
    leafMemory:
      Math.min(limits.devices, connected / leaves) * costs.linkBytes +
      (mostWaiting + versionsUnderWay + 4) * modelBytes,
    versionsUnderWay,
    topSnapshots: (versionsPerHour / 3600) * modelBytes * (levels === 1 ? 1 + versionsUnderWay : 2),
    // A buffer's partial sum, twice a model, and the versions from which works are under way.
    leafSnapshots: levels === 1 ? 0 : buffers * modelBytes * (2 + versionsUnderWay),
    decisions: works + updates,
    registryPerDay: versionsPerHour * 24 * modelBytes,
  }
}
