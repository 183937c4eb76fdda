import { ObjectId } from 'mongodb'
import type { MongodbAccess } from './access.ts'
import { type Append, type AppendPlan, planAppends } from './append-plan.ts'
import type { Contents } from './contents.ts'
import type { JournalEnd, JournalEnds } from './journal-end.ts'
import { isCreated } from './mongodb-errors.ts'
import type { Part } from './parts.ts'
import { type Content, freshHead } from './state-head.ts'

/** Of so many batches a head says who wrote them. */
const batchesKept = 8

export interface AppendParts {
  readonly access: MongodbAccess
  readonly contents: Contents
  readonly ends: JournalEnds
}

export interface AppendedBatch {
  readonly plan: AppendPlan
  readonly end: JournalEnd | undefined
}

/**
 * Appends that are written with one request, which names the number that they begin with: another client's is never
 * overwritten, and a request that arrives twice has its effect once.
 */
export class AppendBatch {
  readonly #parts: AppendParts
  readonly #key: string
  readonly #appends: readonly Append[]
  readonly #token = new ObjectId()
  /** Large entries, written as parts of this life. */
  readonly #large = new Map<Append, { readonly life: string; readonly part: Part }>()
  /** Where the first request without an answer would have begun. */
  #unanswered: number | undefined

  constructor(parts: AppendParts, key: string, appends: readonly Append[]) {
    this.#parts = parts
    this.#key = key
    this.#appends = appends
  }

  /** Writes those that expect no other number. `end` is where the journal is thought to end, if that is known. */
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

  /** Takes away large entries that were written and then refused. */
  async discard({ accepted }: AppendPlan): Promise<void> {
    for (const [append, { part }] of this.#large)
      if (!accepted.includes(append)) await this.#parts.contents.discard(this.#key, part)
  }

  #plan(next: number): AppendPlan {
    return planAppends(this.#key, this.#appends, next)
  }

  /** Of a request without an answer the head tells whether it came, as long as few others came after it. */
  #checkKnown(appended: number, batches: readonly { readonly from: number }[]): void {
    const oldest = batches[0]?.from ?? 1
    const from = this.#unanswered
    if (from !== undefined && appended >= from && oldest > from) throw this.#parts.access.unknown(this.#key)
  }

  /** Where the journal ends then; undefined if it didn't end where it was thought to, or a part was given up. */
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
        // A part needs a head that names it.
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
    // Whether a part was given up isn't known, so they are written again.
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
