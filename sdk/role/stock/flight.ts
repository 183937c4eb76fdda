import { isObject } from '../../../runtime/index.ts'
import type { AwaitedEnds, Channel, Deadline } from '../channel/channel.ts'
import type { Answer, Assignment } from './round-protocol.ts'

/** Work in progress at an end. */
export interface Work {
  readonly end: string
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
  /** In the order of the dispatches. */
  readonly underWay: readonly Work[]
  /** By version: the weights from which work in progress started. */
  readonly past: Readonly<Record<number, Float32Array>>
  /**
   * By end: the last dispatch that was counted. Only where clients keep own state. Where the channel's population keeps
   * that, the ends of the last version alone.
   */
  readonly counted?: Readonly<Record<string, number>>
  /** Where a coordinator grants ends: number of the last grant that was heard. */
  readonly granted?: number
  /** The aggregator has restarted, and must ask for the work in progress again. */
  readonly again?: boolean
}

export const noFlight: Flight = { dispatch: 0, underWay: [], past: {} }

export function isFlight(value: unknown): value is Flight {
  return (
    isObject(value) && 'dispatch' in value && 'underWay' in value && Array.isArray(value.underWay) && 'past' in value
  )
}

/** The work in progress while a buffer is filled, with the deadlines of the ends that do it. */
export interface WorkUnderWay {
  readonly size: number
  /** The ends at work, in the order of their dispatches. Changes with the work. */
  readonly ends: AwaitedEnds
  all(): readonly Work[]
  /** The work at an end. */
  at(end: string): Work | undefined
  /** Notes the work of an end. Its deadline passes after this time; absent: it has none. */
  begin(work: Work, limitMs?: number): void
  /** Forgets the work at an end, and its deadline. */
  forget(end: string): void
  /** The ends at work that have left, and aren't back. */
  away(): readonly string[]
  /** The ends at work that are there and whose deadline has passed, and `late`, whose deadline had passed in an earlier life. */
  overdue(late?: string): readonly string[]
  /** The end at work whose deadline passes first. Undefined where work has no deadline. */
  firstDue(): { readonly end: string; readonly deadline: Deadline } | undefined
  /** Whether an end's answer is to its work in progress. */
  isAnsweredBy(answer: Answer, end: string): boolean
  /** Whether an answer to work in progress waits. */
  hasAnswer(): boolean
  /** Whether any end at work is there. */
  isAwaited(): boolean
  /** Resolves at the next change of the channel, or when the first deadline passes. */
  changed(): Promise<void>
  /** Cancels all deadlines. */
  close(): void
}

/** The ends of none, made once for thousands of answers. */
export const nobody: readonly string[] = []

/**
 * Keeps note of the work at the ends of a channel. Thousands of ends may be at work, so that no call for a single answer
 * or dispatch looks at all of them.
 */
export function workUnderWay(channel: Channel<Assignment, Answer>): WorkUnderWay {
  const works = new Map<string, Work>()
  const deadlines = new Map<string, Deadline>()
  /**
   * Works with deadlines, in the order in which these pass: the works begin in this order, and all have the same time. Those
   * that are forgotten stay until they are the first. A map would look at its forgotten entries again at each call.
   */
  let due: Work[] = []
  let first = 0
  /** Ends at work that have left since they were asked. */
  const left = new Set<string>()
  const unwatch = channel.watchLeft((end) => {
    if (works.has(end)) left.add(end)
  })

  /** The index of the first work with a deadline that isn't forgotten. */
  function firstAtWork(): number {
    for (let work = due[first]; work && works.get(work.end) !== work; work = due[first]) first += 1
    if (first > 1000 && first > due.length / 2) {
      due = due.slice(first)
      first = 0
    }
    return first
  }

  const underWay: WorkUnderWay = {
    get size() {
      return works.size
    },
    ends: works,
    all: () => [...works.values()],
    at: (end) => works.get(end),
    begin(work, limitMs) {
      const { end } = work
      underWay.forget(end)
      works.set(end, work)
      if (limitMs !== undefined) {
        deadlines.set(end, channel.deadline(Math.max(0, limitMs)))
        due.push(work)
      }
      // It may have left before the watch began.
      if (!channel.has(end)) left.add(end)
    },
    forget(end) {
      const work = works.get(end)
      if (!work) return
      works.delete(end)
      if (deadlines.size > 0) {
        deadlines.get(end)?.cancel()
        deadlines.delete(end)
      }
      if (left.size > 0) left.delete(end)
    },
    away: () => (left.size === 0 ? nobody : [...left].filter((end) => !channel.has(end))),
    overdue(late) {
      if (due.length === 0) return nobody
      const passed: string[] = []
      for (let at = firstAtWork(); at < due.length; at++) {
        const work = due[at]!
        const deadline = works.get(work.end) === work ? deadlines.get(work.end) : undefined
        if (!deadline) continue
        if (work.end !== late && !deadline.hasPassed) break
        if (channel.has(work.end)) passed.push(work.end)
      }
      return passed
    },
    firstDue() {
      const end = due[firstAtWork()]?.end
      const deadline = end === undefined ? undefined : deadlines.get(end)
      return end === undefined || !deadline ? undefined : { end, deadline }
    },
    isAnsweredBy: ({ round }, end) => works.get(end)?.dispatch === round,
    hasAnswer: () => channel.find(({ end, message }) => underWay.isAnsweredBy(message, end)) !== undefined,
    isAwaited() {
      for (const end of works.keys()) if (channel.has(end)) return true
      return false
    },
    changed: () => channel.changed(underWay.firstDue()?.deadline),
    close() {
      unwatch()
      for (const deadline of deadlines.values()) deadline.cancel()
    },
  }
  return underWay
}
