import { storeError } from '../errors.ts'
import type { Snapshot } from '../store.ts'
import { type Collection, ObjectId } from './bundled-driver.ts'
import type { MongodbConnection } from './connection.ts'
import { isCreated } from './driver.ts'
import { type Content, type Contents, freshHead, type StateHead, stateHeads } from './key-state.ts'

const mostReadings = 20

interface Save {
  readonly key: string
  readonly expected: number
  readonly token: ObjectId
}

/** Snapshots, in the heads of their keys or, when large, in chunks. */
export class MongodbSnapshots {
  readonly #connection: MongodbConnection
  readonly #heads: Collection<StateHead>
  readonly #contents: Contents

  constructor(connection: MongodbConnection, contents: Contents) {
    this.#connection = connection
    this.#heads = stateHeads(connection)
    this.#contents = contents
  }

  async load(key: string): Promise<Snapshot | undefined> {
    return this.#connection.attempt(async () => {
      for (let reading = 0; reading < mostReadings; reading++) {
        const head = await this.#heads.findOne({ _id: key }, { projection: { version: 1, snapshot: 1 } })
        if (!head?.snapshot) return undefined
        const bytes = await this.#contents.read(head.snapshot)
        if (bytes) return { version: head.version, bytes }
      }
      throw this.#connection.damaged(`chunks of the snapshot ${key} are missing`)
    })
  }

  async save(key: string, expected: number, bytes: Uint8Array): Promise<number> {
    const save: Save = { key, expected, token: new ObjectId() }
    const content = this.#contents.inline(bytes)
    if (content) await this.#connection.attempt((uncertain) => this.#saveInline(save, content, uncertain))
    else while (!(await this.#saveLarge(save, bytes)));
    return expected + 1
  }

  async #saveInline(save: Save, content: Content, uncertain: boolean): Promise<void> {
    const { key, expected, token } = save
    // A head without parts has no garbage, so the answer needs no document, which is faster.
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

  /** Tries to save; false if the key was removed meanwhile, or the part given up: then the caller tries again. */
  async #saveLarge(save: Save, bytes: Uint8Array): Promise<boolean> {
    const { key, expected } = save
    const head = await this.#connection.attempt(() => this.#find(key))
    const version = head?.version ?? 0
    if (version !== expected) throw this.#refusal(save, version, false)
    if (!head) {
      await this.#connection.attempt(() => isCreated(this.#heads.insertOne(freshHead(key))))
      return false
    }
    const { life } = head
    const part = await this.#contents.write(key, life, bytes, expected)
    if (!part) return false
    const where = { life, ...this.#contents.parts.stillWriting(part.part) }
    const state = { [`parts.${part.part}`]: { snapshot: expected + 1 } }
    const { pointed, refusal } = await this.#connection.attempt(async (uncertain) => {
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
    // Another save may have followed this save.
    if (uncertain && present > expected + 1) return this.#connection.unknown(key)
    return storeError('STORE_VERSION', { key, present, expected })
  }
}
