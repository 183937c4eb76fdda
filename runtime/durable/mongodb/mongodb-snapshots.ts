import { type Collection, ObjectId } from 'mongodb'
import { storeError } from '../errors.ts'
import type { Snapshot } from '../store.ts'
import type { MongodbAccess } from './access.ts'
import type { Contents } from './contents.ts'
import { isCreated } from './mongodb-errors.ts'
import { type Content, freshHead, type StateHead, stateHeads } from './state-head.ts'

const mostReadings = 20

interface Save {
  readonly key: string
  readonly expected: number
  readonly token: ObjectId
}

/** Snapshots, in the documents of their keys or, when large, in chunks. */
export class MongodbSnapshots {
  readonly #access: MongodbAccess
  readonly #heads: Collection<StateHead>
  readonly #contents: Contents

  constructor(access: MongodbAccess, contents: Contents) {
    this.#access = access
    this.#heads = stateHeads(access)
    this.#contents = contents
  }

  async load(key: string): Promise<Snapshot | undefined> {
    return this.#access.attempt(async () => {
      for (let reading = 0; reading < mostReadings; reading++) {
        const head = await this.#heads.findOne({ _id: key }, { projection: { version: 1, snapshot: 1 } })
        if (!head?.snapshot) return undefined
        const bytes = await this.#contents.read(head.snapshot)
        if (bytes) return { version: head.version, bytes }
      }
      throw this.#access.damaged(`chunks of the snapshot ${key} are missing`)
    })
  }

  async save(key: string, expected: number, bytes: Uint8Array): Promise<number> {
    const save: Save = { key, expected, token: new ObjectId() }
    const content = this.#contents.inline(bytes)
    if (content) await this.#access.attempt((uncertain) => this.#saveInline(save, content, uncertain))
    else while (!(await this.#saveLarge(save, bytes)));
    return expected + 1
  }

  async #saveInline(save: Save, content: Content, uncertain: boolean): Promise<void> {
    const { key, expected, token } = save
    // Where nothing is to be taken away, nothing need be given back, which is quicker.
    const where = { _id: key, version: expected, parts: {} }
    const set = { version: expected + 1, snapshot: content, savedBy: token }
    if ((await this.#heads.updateOne(where, { $set: set })).matchedCount > 0) return
    for (;;) {
      if (await this.#replace(save, content, {}, {})) return
      const present = await this.#find(key)
      if (present?.savedBy?.equals(token)) return
      const version = present?.version ?? 0
      if (version !== expected) throw this.#refusal(save, version, uncertain)
      if (present) continue
      const head = { ...freshHead(key), ...set }
      if (await isCreated(this.#heads.insertOne(head))) return
    }
  }

  /** False if the key was removed meanwhile, or the part given up: then it's to be done again. */
  async #saveLarge(save: Save, bytes: Uint8Array): Promise<boolean> {
    const { key, expected } = save
    const head = await this.#access.attempt(() => this.#find(key))
    const version = head?.version ?? 0
    if (version !== expected) throw this.#refusal(save, version, false)
    if (!head) {
      await this.#access.attempt(() => isCreated(this.#heads.insertOne(freshHead(key))))
      return false
    }
    const { life } = head
    const part = await this.#contents.write(key, life, bytes, expected)
    if (!part) return false
    const where = { life, ...this.#contents.parts.stillWriting(part.part) }
    const state = { [`parts.${part.part}`]: { snapshot: expected + 1 } }
    const { pointed, refusal } = await this.#access.attempt(async (uncertain) => {
      if (await this.#replace(save, part, where, state)) return { pointed: true }
      const present = await this.#find(key)
      if (present?.savedBy?.equals(save.token)) return { pointed: true }
      const now = present?.version ?? 0
      return { pointed: false, refusal: now === expected ? undefined : this.#refusal(save, now, uncertain) }
    })
    if (pointed) return true
    await this.#contents.discard(key, part)
    if (refusal) throw refusal
    return false
  }

  async #replace(
    { key, expected, token }: Save,
    snapshot: Content,
    where: Readonly<Record<string, unknown>>,
    set: Readonly<Record<string, unknown>>,
  ): Promise<boolean> {
    const head = await this.#heads.findOneAndUpdate(
      { _id: key, version: expected, ...where },
      { $set: { version: expected + 1, snapshot, savedBy: token, ...set } },
      { returnDocument: 'after', projection: { version: 1, dropped: 1, parts: 1 } },
    )
    if (head) await this.#contents.clean(head)
    return head !== null
  }

  #find(key: string): Promise<Pick<StateHead, 'life' | 'version' | 'savedBy'> | null> {
    return this.#heads.findOne({ _id: key }, { projection: { life: 1, version: 1, savedBy: 1 } })
  }

  #refusal({ key, expected }: Save, present: number, uncertain: boolean): Error {
    // Another save may have followed on this one.
    if (uncertain && present > expected + 1) return this.#access.unknown(key)
    return storeError('STORE_VERSION', { key, present, expected })
  }
}
