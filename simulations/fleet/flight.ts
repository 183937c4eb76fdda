import { HeldDelta } from '../../sdk/index.ts'
import type { Station } from './aggregators/station.ts'
import type { FleetBehaviour } from './behaviour.ts'

/** The port to which a flight's answer goes. */
export interface Landing {
  /** Where the aggregator's messages wait. Absent: the aggregator takes any number at once. */
  readonly station?: Station | undefined
  /** The answer has come to the aggregator. */
  landed(flight: Flight, answer: unknown): void
  /** The device has done its work, but nobody waits for its answer. */
  wasted(flight: Flight): void
  /** The device went away with its work, or failed. */
  lost(flight: Flight): void
}

/** What a flight begins with. */
export interface Departure {
  /** Orders the fleet's events. */
  readonly order: number
  /** Numbers the works of the run, from 1. */
  readonly work: number
  readonly device: number
  readonly end: string
  readonly landing: Landing
  /** Absent for a flight of an earlier process until its aggregator asks again. */
  readonly message: unknown
  /** Virtual milliseconds. */
  readonly start: number
  /** Bytes of the assignment. */
  readonly received: number
  /** Bytes that the answer is expected to have. */
  readonly expected: number
}

/** The work of a device for one assignment, from the sending of the assignment to the arrival of the answer. */
export class Flight implements Departure {
  readonly order: number
  readonly work: number
  readonly device: number
  readonly end: string
  readonly landing: Landing
  message: unknown
  readonly start: number
  readonly received: number
  readonly expected: number
  /** When the answer comes, in virtual milliseconds. */
  at = 0
  /** The answer waits at the aggregator's station, which sets the time. */
  isQueued = false
  /** The device goes away, or gives up, at that time. */
  isLost = false
  /** Nobody waits for the answer any more, so that the work needn't be done. */
  isStale = false
  /** Whether the device was activated. */
  isActive = false
  /** What the device has sent, once it has. */
  reply: FlightReply | undefined
  /** Called when there is a reply. */
  replied: (() => void) | undefined

  constructor({ order, work, device, end, landing, message, start, received, expected }: Departure) {
    this.order = order
    this.work = work
    this.device = device
    this.end = end
    this.landing = landing
    this.message = message
    this.start = start
    this.received = received
    this.expected = expected
  }
}

export type FlightReply = { readonly message: unknown } | { readonly failure: unknown }

/** The facts from which the duration of a work follows. */
export interface WorkFacts {
  readonly device: number
  readonly work: number
  /** Virtual milliseconds. */
  readonly start: number
  /** When the assignment begins to come. Default: at the start. */
  readonly departs?: number
  readonly received: number
  readonly sent: number
  /** Bytes a second that the aggregator sends and receives. Default: any number. */
  readonly link?: { readonly send?: number | undefined; readonly receive?: number | undefined } | undefined
  /** Examples that the device computes on, counted for each pass. Only needed where speeds are finite. */
  readonly examples: number
}

/** When a work ends, and whether its answer comes. */
export function endOfWork(
  { device, work, start, departs = start, received, sent, examples, link }: WorkFacts,
  { availability, speed, download, upload, faults }: FleetBehaviour,
): { readonly at: number; readonly isLost: boolean } {
  const { send = Number.POSITIVE_INFINITY, receive = Number.POSITIVE_INFINITY } = link ?? {}
  const down = Math.min(download.of(device), send)
  const up = Math.min(upload.of(device), receive)
  const seconds = received / down + examples / speed.of(device) + sent / up
  const duration = seconds * 1000 + (faults?.delay?.(device, work) ?? 0)
  const part = faults?.dropsOutAt?.(device, work)
  const at = departs + (part === undefined ? duration : part * duration)
  const until = availability.until(device, start)
  if (until < at) return { at: until, isLost: true }
  return { at, isLost: part !== undefined }
}

/** Bytes of the arrays of a message, of which a message of this protocol has nearly all of its bytes. */
export function bytesOf(message: unknown, depth = 5): number {
  if (ArrayBuffer.isView(message)) return message.byteLength
  if (message instanceof HeldDelta) return 4 * message.length
  if (typeof message !== 'object' || message === null || depth === 0) return 0
  let bytes = 0
  for (const key in message) {
    const value: unknown = Reflect.get(message, key)
    if (typeof value === 'object' && value !== null) bytes += bytesOf(value, depth - 1)
  }
  return bytes
}

/** A behaviour in which nothing takes time. */
export const atOnce: FleetBehaviour = {
  availability: {
    isAvailable: () => true,
    next: (_, at) => at,
    until: () => Number.POSITIVE_INFINITY,
  },
  speed: { of: () => Number.POSITIVE_INFINITY },
  download: { of: () => Number.POSITIVE_INFINITY },
  upload: { of: () => Number.POSITIVE_INFINITY },
}
