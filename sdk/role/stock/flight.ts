import { isObject } from '../../../runtime/index.ts'
import type { Channel, Deadline } from '../channel/channel.ts'
import type { Answer, Assignment } from './round-protocol.ts'

/** Work in progress at an end. */
interface Work {
  /** The number of its dispatch. */
  readonly dispatch: number
  /** The version from which the work started. */
  readonly version: number
  /** When the end was asked, in milliseconds of the clock. Only where dispatches have a deadline. */
  readonly since?: number
}

/** The work in progress at the ends, and the weights from which the work started. */
export interface Flight {
  /** Number of the last dispatch. */
  readonly dispatch: number
  readonly underWay: Readonly<Record<string, Work>>
  /** By version: the weights from which work in progress started. */
  readonly past: Readonly<Record<number, Float32Array>>
  /** By end: the last dispatch that was counted. Only where clients keep own state. */
  readonly counted?: Readonly<Record<string, number>>
  /** Where a coordinator grants ends: number of the last grant that was heard. */
  readonly granted?: number
  /** The aggregator has restarted, and must ask for the work in progress again. */
  readonly again?: boolean
}

export const noFlight: Flight = { dispatch: 0, underWay: {}, past: {} }

export function isFlight(value: unknown): value is Flight {
  return isObject(value) && 'dispatch' in value && 'underWay' in value && 'past' in value
}

/** The work in progress while a buffer is filled, with the deadlines of the ends that do it. */
export interface WorkUnderWay {
  readonly size: number
  ends(): readonly string[]
  all(): Readonly<Record<string, Work>>
  /** The work at an end. */
  at(end: string): Work | undefined
  /** Notes that an end works. Its deadline passes after this time; absent: it has none. */
  begin(end: string, work: Work, limitMs?: number): void
  /** Forgets the work at an end, and its deadline. */
  forget(end: string): void
  isOverdue(end: string): boolean
  /** The end at work whose deadline passes first. Undefined where work has no deadline. */
  firstDue(): { readonly end: string; readonly deadline: Deadline } | undefined
  /** Whether an answer is to work in progress. */
  isAnsweredBy(answer: Answer): boolean
  /** Whether an answer to work in progress waits. */
  hasAnswer(): boolean
  /** Whether any end at work is there. */
  isAwaited(): boolean
  /** Resolves at the next change of the channel, or when the first deadline passes. */
  changed(): Promise<void>
  /** Cancels all deadlines. */
  close(): void
}

/** Keeps note of the work at the ends of a channel. */
export function workUnderWay(channel: Channel<Assignment, Answer>): WorkUnderWay {
  const works = new Map<string, { readonly work: Work; readonly deadline?: Deadline }>()

  const underWay: WorkUnderWay = {
    get size() {
      return works.size
    },
    ends: () => [...works.keys()],
    all: () => Object.fromEntries([...works].map(([end, { work }]) => [end, work] as const)),
    at: (end) => works.get(end)?.work,
    begin(end, work, limitMs) {
      const limit = limitMs === undefined ? {} : { deadline: channel.deadline(Math.max(0, limitMs)) }
      works.set(end, { work, ...limit })
    },
    forget(end) {
      works.get(end)?.deadline?.cancel()
      works.delete(end)
    },
    isOverdue: (end) => works.get(end)?.deadline?.hasPassed === true,
    firstDue() {
      const limited = [...works].flatMap(([end, { work, deadline }]) => (deadline ? [{ end, work, deadline }] : []))
      const due = ({ since = 0 }: Work) => since
      return limited.toSorted((a, b) => due(a.work) - due(b.work) || a.work.dispatch - b.work.dispatch)[0]
    },
    isAnsweredBy: ({ round }) => [...works.values()].some(({ work }) => work.dispatch === round),
    hasAnswer: () => channel.find(({ end, message }) => works.has(end) && underWay.isAnsweredBy(message)) !== undefined,
    isAwaited: () => [...works.keys()].some((end) => channel.has(end)),
    changed: () => channel.changed(underWay.firstDue()?.deadline),
    close() {
      for (const { deadline } of works.values()) deadline?.cancel()
    },
  }
  return underWay
}
