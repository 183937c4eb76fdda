import { storeError } from '../errors.ts'
import { ObjectId } from './bundled-driver.ts'
import type { MongodbConnection } from './connection.ts'
import { isCreated } from './driver.ts'
import type { JournalEnd, JournalEnds } from './journal-entries.ts'
import { type Content, type Contents, freshHead } from './key-state.ts'
import type { Part } from './parts.ts'

/** Limits on the appends of one request. */
const mostTogether = 500
const mostBytesTogether = 1024 * 1024

type Item = { readonly type: 'append'; readonly append: Append } | { readonly type: 'work'; run(): Promise<void> }

/** Does the work on each key in the order of the calls, one piece after the other. Appends that wait together are one piece. */
export class KeyQueues {
  readonly #waiting = new Map<string, Item[]>()
  readonly #write: (key: string, appends: readonly Append[]) => Promise<void>

  /** `write` settles each of the appends, or throws; then the appends are rejected. */
  constructor(write: (key: string, appends: readonly Append[]) => Promise<void>) {
    this.#write = write
  }

  append(key: string, bytes: Uint8Array, expected: number | undefined): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#add(key, { type: 'append', append: { bytes, expected, resolve, reject } })
    })
  }

  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#add(key, { type: 'work', run: () => work().then(resolve, reject) })
    })
  }

  #add(key: string, item: Item): void {
    const present = this.#waiting.get(key)
    if (present) return void present.push(item)
    const items = [item]
    this.#waiting.set(key, items)
    // Calls of the same turn join the first request.
    queueMicrotask(() => void this.#drain(key, items))
  }

  async #drain(key: string, items: Item[]): Promise<void> {
    while (items.length > 0) {
      const appends = takeAppends(items)
      if (appends.length > 0)
        await this.#write(key, appends).catch((error) => appends.forEach(({ reject }) => reject(error)))
      const next = items[0]
      if (next?.type !== 'work') continue
      items.shift()
      await next.run()
    }
    this.#waiting.delete(key)
  }
}

function takeAppends(items: Item[]): readonly Append[] {
  const appends: Append[] = []
  let bytes = 0
  for (const item of items) {
    if (item.type !== 'append' || appends.length === mostTogether || bytes > mostBytesTogether) break
    appends.push(item.append)
    bytes += item.append.bytes.length
  }
  items.splice(0, appends.length)
  return appends
}

/** An append that waits for its request. */
export interface Append {
  readonly bytes: Uint8Array
  readonly expected: number | undefined
  readonly resolve: (number: number) => void
  readonly reject: (cause: unknown) => void
}

export interface AppendPlan {
  readonly accepted: readonly Append[]
  /** Resolves accepted appends with their numbers, and rejects the others by STORE_VERSION. */
  settle(): void
}

/** Decides which queued appends succeed when the next entry number is `next`. */
export function planAppends(key: string, appends: readonly Append[], next: number): AppendPlan {
  const accepted: Append[] = []
  const settlements: (() => void)[] = []
  for (const append of appends) {
    const { expected, resolve, reject } = append
    const number = next + accepted.length
    if (expected === undefined || expected === number) {
      accepted.push(append)
      settlements.push(() => resolve(number))
    } else settlements.push(() => reject(storeError('STORE_VERSION', { key, present: number, expected })))
  }
  return {
    accepted,
    settle() {
      for (const tell of settlements) tell()
    },
  }
}

/** Number of batches whose tokens a head keeps. */
const batchesKept = 8

interface AppendParts {
  readonly connection: MongodbConnection
  readonly contents: Contents
  readonly ends: JournalEnds
}

interface AppendedBatch {
  readonly plan: AppendPlan
  readonly end: JournalEnd | undefined
}

/**
 * Writes appends with one request. The request names the number of its first entry: entries of another client are never
 * overwritten, and a request that arrives twice has its effect once.
 */
export class AppendBatch {
  readonly #parts: AppendParts
  readonly #key: string
  readonly #appends: readonly Append[]
  readonly #token = new ObjectId()
  /** Large entries, written as parts of a life. */
  readonly #large = new Map<Append, { readonly life: string; readonly part: Part }>()
  /** Number of the first entry of the first request without an answer. */
  #unanswered: number | undefined

  constructor(parts: AppendParts, key: string, appends: readonly Append[]) {
    this.#parts = parts
    this.#key = key
    this.#appends = appends
  }

  /** Writes the appends that expect no other number. `end` is the remembered end of the journal, if there is one. */
  async write(end: JournalEnd | undefined): Promise<AppendedBatch> {
    let guess = this.#unanswered === undefined ? end : undefined
    for (;;) {
      const found = guess ? undefined : await this.#parts.ends.find(this.#key)
      const own = found?.batches.find(({ token }) => token.equals(this.#token))
      if (own) return { plan: this.#plan(own.from), end: undefined }
      if (found) this.#checkKnown(found.appended, found.batches)
      const present = guess ?? found ?? undefined
      const plan = this.#plan((present?.appended ?? 0) + 1)
      if (plan.accepted.length === 0) {
        if (!guess) return { plan, end: present }
      } else if (present && this.#parts.ends.isFull(present)) {
        await this.#parts.ends.spill(this.#key)
      } else {
        const written = await this.#send(plan.accepted, present)
        if (written) return { plan, end: written }
      }
      guess = undefined
    }
  }

  /** Removes large entries that were written and then refused. */
  async discard({ accepted }: AppendPlan): Promise<void> {
    for (const [append, { part }] of this.#large)
      if (!accepted.includes(append)) await this.#parts.contents.discard(this.#key, part)
  }

  #plan(next: number): AppendPlan {
    return planAppends(this.#key, this.#appends, next)
  }

  /** Refuses to go on when the head can't tell any more whether a request without an answer arrived. */
  #checkKnown(appended: number, batches: readonly { readonly from: number }[]): void {
    const oldest = batches[0]?.from ?? 1
    const from = this.#unanswered
    if (from !== undefined && appended >= from && oldest > from) throw this.#parts.connection.unknown(this.#key)
  }

  /** Returns the new end of the journal; undefined if the journal ended elsewhere, or a part was given up. */
  async #send(accepted: readonly Append[], end: JournalEnd | undefined): Promise<JournalEnd | undefined> {
    const { contents, ends } = this.#parts
    const base = end ?? freshHead(this.#key)
    const from = base.appended + 1
    const entries: Content[] = []
    const parts: string[] = []
    const states: Record<string, { readonly entry: number }> = {}
    let inlineBytes = 0
    for (const append of accepted) {
      const content = contents.inline(append.bytes) ?? (end && (await this.#largeEntry(append, end.life)))
      if (!content) {
        // A part needs a head that names the part.
        if (!end) await isCreated(ends.heads.insertOne(freshHead(this.#key)))
        return undefined
      }
      if ('part' in content) {
        parts.push(content.part)
        states[`parts.${content.part}`] = { entry: from + entries.length }
      } else inlineBytes += append.bytes.length
      entries.push(content)
    }
    const batch = { token: this.#token, from }
    const next = {
      ...{ life: base.life, appended: base.appended + entries.length },
      ...{ dropped: base.dropped, spilled: base.spilled, entriesBytes: base.entriesBytes + inlineBytes },
    }
    const unanswered = this.#unanswered
    this.#unanswered ??= from
    const isWritten = end
      ? await ends.heads
          .updateOne(
            Object.assign(
              { _id: this.#key, life: end.life, appended: end.appended },
              ...parts.map((part) => contents.parts.stillWriting(part)),
            ),
            {
              $push: { entries: { $each: entries }, batches: { $each: [batch], $slice: -batchesKept } },
              $set: { appended: next.appended, entriesBytes: next.entriesBytes, ...states },
            },
          )
          .then(({ matchedCount }) => matchedCount > 0)
      : await isCreated(ends.heads.insertOne({ ...freshHead(this.#key), ...next, entries, batches: [batch] }))
    this.#unanswered = unanswered
    if (isWritten) return next
    // A part may have been given up, so all parts are written again.
    if (parts.length > 0) this.#large.clear()
    return undefined
  }

  async #largeEntry(append: Append, life: string): Promise<Part | undefined> {
    const present = this.#large.get(append)
    if (present?.life === life) return present.part
    const part = await this.#parts.contents.write(this.#key, life, append.bytes)
    if (part) this.#large.set(append, { life, part })
    return part
  }
}
