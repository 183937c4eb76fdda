/** The resources of an aggregator for which messages wait. */
export type AggregatorResource = 'updates' | 'receive' | 'send' | 'memory' | 'failures'

/** The work of an aggregator so far: counts, bytes and virtual milliseconds. */
export interface AggregatorLoad {
  updates: number
  assignments: number
  received: number
  sent: number
  takingMs: number
  receivingMs: number
  sendingMs: number
  /** Sums over updates; of `send`, over sent messages. */
  readonly waitedMs: Record<AggregatorResource, number>
  longestQueue: number
  mostWaiting: number
  failures: number
  downMs: number
}

export function noLoad(): AggregatorLoad {
  return {
    ...{ updates: 0, assignments: 0, received: 0, sent: 0, takingMs: 0, receivingMs: 0, sendingMs: 0 },
    waitedMs: { updates: 0, receive: 0, send: 0, memory: 0, failures: 0 },
    ...{ longestQueue: 0, mostWaiting: 0, failures: 0, downMs: 0 },
  }
}

/** The work of an aggregator of a fleet in a run. */
export interface AggregatorFigures {
  readonly end: string
  /** Updates that the aggregator has taken, partial sums of aggregators below included. */
  readonly updates: number
  /** Bytes that it has received and sent. */
  readonly received: number
  readonly sent: number
  /** Shares of the virtual time in which it took updates, received, and sent. 0 without a limit of that kind. */
  readonly busy: Readonly<Record<BusyResource, number>>
  /** Most updates that waited at a time. */
  readonly longestQueue: number
  /** Most bytes of updates that waited at a time. */
  readonly mostWaiting: number
  /** Mean seconds for which an update waited for each resource; of `send`, a message to be sent. */
  readonly waited: Readonly<Record<AggregatorResource, number>>
  /** The resource for which messages waited longest, all together. Absent: none waited. */
  readonly limiting?: AggregatorResource
  readonly failures: number
  /** Share of the virtual time in which it was down. */
  readonly down: number
}

/** The resources that an aggregator can use all of the time. */
export type BusyResource = 'updates' | 'receive' | 'send'

/** Figures of an aggregator after some virtual milliseconds. */
export function aggregatorFigures(end: string, load: AggregatorLoad, now: number): AggregatorFigures {
  const { updates, assignments, received, sent, waitedMs, longestQueue, mostWaiting, failures } = load
  const share = (ms: number) => (now > 0 ? ms / now : 0)
  const mean = (resource: AggregatorResource) =>
    waitedMs[resource] / 1000 / Math.max(1, resource === 'send' ? assignments : updates)
  const [most] = resources.toSorted((a, b) => waitedMs[b] - waitedMs[a])
  return {
    ...{ end, updates, received, sent },
    busy: { updates: share(load.takingMs), receive: share(load.receivingMs), send: share(load.sendingMs) },
    ...{ longestQueue, mostWaiting },
    waited: {
      updates: mean('updates'),
      receive: mean('receive'),
      send: mean('send'),
      memory: mean('memory'),
      failures: mean('failures'),
    },
    ...(most && waitedMs[most] > 0 && { limiting: most }),
    failures,
    down: share(load.downMs),
  }
}

const resources = ['updates', 'receive', 'send', 'memory', 'failures'] as const
const busyResources = ['updates', 'receive', 'send'] as const

/** The first resource that is used all of the time when the load of a fleet grows. */
export interface Saturation {
  readonly end: string
  readonly resource: BusyResource
  /** Share of the virtual time in which the resource is used now. */
  readonly busy: number
}

/**
 * The resource that saturates first: the one that an aggregator uses for the largest share of the time. Undefined where no
 * aggregator has a limit that takes time. Memory isn't among them: where it is full, updates wait at their senders, and
 * the aggregator takes as many a second as before.
 */
export function saturatesFirst(figures: readonly AggregatorFigures[]): Saturation | undefined {
  let first: Saturation | undefined
  for (const { end, busy } of figures)
    for (const resource of busyResources)
      if (busy[resource] > (first?.busy ?? 0)) first = { end, resource, busy: busy[resource] }
  return first
}
