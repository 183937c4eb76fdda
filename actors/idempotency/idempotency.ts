import { z } from 'zod'
import type { Behavior, Documents, Store } from '../../runtime/index.ts'
import { text } from '../model/atoms.ts'
import { catalogueError } from '../model/errors.ts'
import { type Quotas, quotaWords } from '../model/quotas.ts'
import { keysOf } from '../quotas/usage.ts'
import { recordsOf, type Stored } from '../records/records.ts'
import { type Asked, answerBy, type Handlers, type Request } from '../requests/requests.ts'

/** A request that may be repeated, and must take effect once. */
export interface RepeatableRequest {
  /** The user who asked; empty where the server asks for no token. */
  readonly user: string
  /** Made of the user, the kind of request and the key. */
  readonly id: string
  /** Hash of the request: the same key with another fingerprint is a mistake of the caller. */
  readonly fingerprint: string
}

export interface KeptAnswer {
  readonly status: number
  /** The body of the answer. */
  readonly json: string
}

export type Begun =
  /** The request is to be performed. `once` names the thing that it makes; each repetition gets the same name. */
  | { readonly type: 'go'; readonly once: string }
  /** The request was answered already. */
  | { readonly type: 'again'; readonly answer: KeptAnswer }

export interface IdempotencyRequests {
  /** IDEMPOTENCY_DIFFERS, IDEMPOTENCY_UNDER_WAY. */
  'begin-once': Request<{ readonly request: RepeatableRequest }, Begun>
  /** Must follow each answer `go`. Answered once the end is durable. */
  'end-once': Request<{ readonly id: string; readonly outcome: OnceOutcome }, null>
}
export type IdempotencyMessage = Asked<IdempotencyRequests>

export type OnceOutcome =
  | { readonly type: 'answered'; readonly answer: KeptAnswer }
  /** The request changed nothing, and is forgotten. */
  | { readonly type: 'refused' }
  /** The request may have taken effect; a repetition goes on with it. */
  | { readonly type: 'unknown' }

export interface IdempotencyParts {
  readonly store: { readonly documents: Store['documents'] }
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  readonly newId: () => string
  /** Time for which an answer is kept. Default: a day. */
  readonly answersKeptMs?: number
  /** Most `keys` of each user. Default: any number. */
  readonly quotas?: Pick<Quotas, 'keys'>
}

const requestRecord = z.strictObject({
  at: text,
  /** Absent where the server asks for no token. */
  user: text.exactOptional(),
  fingerprint: text,
  once: text,
  answer: z.strictObject({ status: z.number().int(), json: text }).exactOptional(),
})
type RequestRecord = z.output<typeof requestRecord>

const dayMs = 24 * 60 * 60 * 1000
const sweepEveryMs = 60 * 60 * 1000

/**
 * Stores the answers to requests that bear a key, so that a repetition gets the same answer. The beginning of a request
 * is durable before the request is performed, together with a name for the thing that it makes: after a crash in
 * between, a repetition finds the thing by this name, or makes it.
 */
export function idempotency(parts: IdempotencyParts): Behavior<IdempotencyMessage> {
  const { now, newId, quotas = {} } = parts
  return (context) => {
    const requests = recordsOf(parts.store.documents, 'requests', requestRecord)
    const underWay = new Set<string>()
    const room = keyRoom(quotas.keys, parts.store.documents, () => Date.parse(now()))
    context.spawn('sweeper', sweeper(parts), { supervise: { type: 'resume' } })
    const handlers: Handlers<IdempotencyRequests> = {
      'begin-once': ({ request }) => begin(request),
      'end-once': ({ id, outcome }) => end(id, outcome),
    }
    return (message) => void context.track(answerBy(handlers, message))

    async function begin(request: RepeatableRequest): Promise<Begun> {
      const { id } = request
      if (underWay.has(id)) throw catalogueError('IDEMPOTENCY_UNDER_WAY')
      underWay.add(id)
      let goes = false
      try {
        const begun = await lookOrInsert(request)
        goes = begun.type === 'go'
        return begun
      } finally {
        if (!goes) underWay.delete(id)
      }
    }

    async function lookOrInsert({ user, id, fingerprint }: RepeatableRequest): Promise<Begun> {
      const by = user === '' ? {} : { user }
      const value: RequestRecord = { at: now(), ...by, fingerprint, once: newId() }
      // A repetition needs no further room in the quota.
      const isKnown = user !== '' && (await room.isFull(user)) && (await requests.get(id)) !== undefined
      if (!isKnown) await room.take(user)
      if (!isKnown) {
        if (await requests.insert({ id, value })) return { type: 'go', once: value.once }
        room.give(user)
      }
      const present = await requests.get(id)
      if (!present) throw catalogueError('WRITTEN_MEANWHILE', { what: 'a request of the same key' })
      if (isExpired(present, parts)) {
        await requests.replace(present, value)
        return { type: 'go', once: value.once }
      }
      if (present.value.fingerprint !== fingerprint) throw catalogueError('IDEMPOTENCY_DIFFERS')
      const { answer: kept, once } = present.value
      return kept ? { type: 'again', answer: kept } : { type: 'go', once }
    }

    async function end(id: string, outcome: OnceOutcome): Promise<null> {
      try {
        if (outcome.type === 'refused') await requests.remove(id)
        if (outcome.type === 'answered') await keep(id, outcome.answer)
      } finally {
        underWay.delete(id)
      }
      return null
    }

    async function keep(id: string, kept: KeptAnswer): Promise<void> {
      const present = await requests.get(id)
      // Another server may have stored the same answer to the same request.
      if (present && !present.value.answer) await requests.replace(present, { ...present.value, answer: kept })
    }
  }
}

function isExpired(
  { value: { at } }: Stored<RequestRecord>,
  { now, answersKeptMs = dayMs }: IdempotencyParts,
): boolean {
  return Date.parse(now()) - Date.parse(at) > answersKeptMs
}

/** Removes expired answers, at its start and every hour. Requests don't wait for it. */
function sweeper(parts: IdempotencyParts): Behavior<'sweep'> {
  return (context) => {
    const requests = recordsOf(parts.store.documents, 'requests', requestRecord)
    context.self.tell('sweep')
    context.every(sweepEveryMs, 'sweep')
    return async () => {
      for await (const present of requests.find()) if (isExpired(present, parts)) await requests.remove(present.id)
    }
  }
}

/** Age at which a full count is renewed: keys go when they expire, or when their request is refused. */
const countedAgainMs = 10_000

/** Counts the keys of each user against the quota `most`; undefined: any number. */
export function keyRoom(most: number | undefined, documents: Documents, nowMs: () => number) {
  const counts = new Map<string, { used: number; readonly atMs: number }>()

  async function countOf(user: string): Promise<{ used: number; readonly atMs: number }> {
    const present = counts.get(user)
    const isFull = present !== undefined && most !== undefined && present.used >= most
    if (present && !(isFull && nowMs() - present.atMs >= countedAgainMs)) return present
    const counted = { used: await keysOf(documents, user), atMs: nowMs() }
    counts.set(user, counted)
    return counted
  }

  async function isFull(user: string): Promise<boolean> {
    return most !== undefined && (await countOf(user)).used >= most
  }

  return {
    isFull,
    /** Counts one more key. QUOTA_REACHED. */
    async take(user: string): Promise<void> {
      if (most === undefined || user === '') return
      const count = await countOf(user)
      const { what, advice } = quotaWords.keys
      if (count.used >= most)
        throw catalogueError('QUOTA_REACHED', { user, quota: 'keys', what, used: count.used, most, asked: 1, advice })
      count.used += 1
    },
    /** Gives back a taken key that isn't used. */
    give(user: string): void {
      const count = counts.get(user)
      if (count) count.used -= 1
    },
  }
}
