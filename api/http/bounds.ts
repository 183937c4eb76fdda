import type { ServerResponse } from 'node:http'
import { apiError } from '../errors.ts'

export interface Bounds {
  /** Requests under way at once; streams of events, and polls that wait for something to do, are counted for themselves. */
  readonly requests: number
  readonly streams: number
  readonly polls: number
  /** Requests of administrators and for metrics, which have places of their own. */
  readonly kept: number
  /** The most requests of one caller in progress, where callers are told apart: fewer than the connections. */
  readonly ofOne: number
}

type Kind = Exclude<keyof Bounds, 'ofOne'>

interface Limit {
  readonly count: string
  readonly limit: number
  readonly what: string
}

/** Of all places of a kind, this part may be one caller's, where callers are told apart. */
const shares: Readonly<Record<Kind, number>> = { requests: 1 / 4, streams: 1 / 2, polls: 1 / 2, kept: 1 }

const nouns: Readonly<Record<Kind, string>> = {
  requests: 'requests',
  streams: 'streams',
  polls: 'waiting polls',
  kept: 'requests of administrators',
}

/** Limits concurrent requests, and the share of each caller, so that no caller takes all places. */
export function boundedBy(bounds: Bounds, { toldApart }: { readonly toldApart: boolean }) {
  /** The limits that each request counts towards. */
  const places = new Map<ServerResponse, readonly Pick<Limit, 'count'>[]>()
  const counts = new Map<string, number>()
  const leave = (response: ServerResponse) => {
    for (const { count } of places.get(response) ?? []) {
      const left = (counts.get(count) ?? 0) - 1
      if (left === 0) counts.delete(count)
      else counts.set(count, left)
    }
    places.delete(response)
  }
  const limitOfAll = (kind: Kind): Limit => ({ count: kind, limit: bounds[kind], what: nouns[kind] })
  const ofAll: Readonly<Record<Kind, Limit>> = {
    requests: limitOfAll('requests'),
    streams: limitOfAll('streams'),
    polls: limitOfAll('polls'),
    kept: limitOfAll('kept'),
  }
  return {
    /**
     * Gives a request a place until it's answered whole or its caller is gone, in exchange for the one it has, if any.
     * API_TOO_MANY.
     */
    enter(kind: Kind, caller: string, response: ServerResponse): void {
      leave(response)
      const most = bounds[kind]
      const limits = [ofAll[kind]]
      if (toldApart)
        limits.push(
          {
            count: `${kind} of ${caller}`,
            limit: Math.ceil(most * shares[kind]),
            what: `${nouns[kind]} of ${caller}`,
          },
          { count: `all of ${caller}`, limit: bounds.ofOne, what: `requests of all kinds of ${caller}` },
        )
      for (const { count, limit, what } of limits)
        if ((counts.get(count) ?? 0) >= limit) throw apiError('API_TOO_MANY', { limit, what })
      for (const { count } of limits) counts.set(count, (counts.get(count) ?? 0) + 1)
      places.set(response, limits)
      response.once('close', () => leave(response))
    },
  }
}

/** Lets a caller's request begin: in the present turn of the event loop, or in a later one. */
type TakeTurn = (caller: string, begin: () => void) => void

/** The source of requests, which stops while more have come than may begin. */
export interface Intake {
  /** Lets no more requests come. */
  hold(): void
  /** Lets the requests of at most `count` connections come. True if others are still held. */
  release(count: number): boolean
  /** Whether a connection has come since the last call, or isn't let in yet. */
  hasAccepted(): boolean
}

/** A request takes up to 0.3 ms until it waits for something: input and timers wait for 10 to 20 ms at most. */
const usualPerTurn = 64

/**
 * Requests that begin in a turn while connections are let in. The event loop accepts one connection in a turn, and takes many
 * turns to find out whose they are: of many connections that come at once, the last ones would else wait for 64 requests of the
 * others in each of these turns.
 */
const perAccepted = 1

/**
 * Bounds the requests that begin in one turn of the event loop. The others wait for later turns, in which their callers
 * alternate, so that the many requests of one caller keep the few of another waiting for a turn or two. The intake is held when
 * requests wait, and released by as many connections as a turn has room for. `begin` must not throw.
 */
export function requestTurns(intake: Intake, perTurn = usualPerTurn): TakeTurn {
  /** The callers whose requests wait; the caller whose turn is next comes first. */
  const waiting = new Map<string, (() => void)[]>()
  let left = perTurn
  let isTurnAhead = false
  /** Whether connections are held; and whether all of them are, as far as this turn has come. */
  let isHolding = false
  let hasHeld = false

  function awaitTurn(): void {
    if (isTurnAhead) return
    isTurnAhead = true
    setImmediate(() => {
      isTurnAhead = false
      left = intake.hasAccepted() ? Math.min(perAccepted, perTurn) : perTurn
      hasHeld = false
      beginWaiting()
      if (isHolding && left > 0) isHolding = intake.release(left)
      if (isHolding) awaitTurn()
    })
  }

  function beginWaiting(): void {
    if (waiting.size > 0) awaitTurn()
    for (const [caller, begins] of waiting) {
      if (left === 0) return
      left -= 1
      waiting.delete(caller)
      const begin = begins.shift()
      // Put back at the end, where this loop comes to it again after the others.
      if (begins.length > 0) waiting.set(caller, begins)
      begin?.()
    }
  }

  return (caller, begin) => {
    awaitTurn()
    if (left > 0 && waiting.size === 0) {
      left -= 1
      return begin()
    }
    if (!hasHeld) intake.hold()
    hasHeld = true
    isHolding = true
    const begins = waiting.get(caller)
    if (begins) begins.push(begin)
    else waiting.set(caller, [begin])
  }
}
