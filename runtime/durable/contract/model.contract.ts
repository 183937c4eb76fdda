import fc from 'fast-check'
import { CodedError } from '../../errors/coded-error.ts'
import type { Store } from '../store.ts'
import { all, blob, bytes, type Declare, journal, type OpenStore } from './store-under-test.ts'

type Call = (store: Store, model: Model) => Promise<readonly [found: unknown, expected: unknown]>

/** The content of a store, in plain collections. */
class Model {
  readonly snapshots = new Map<string, { version: number; text: string }>()
  readonly journals = new Map<string, { next: number; entries: string[]; first: number }>()
  readonly documents = new Map<string, { version: number; n: number }>()
  readonly blobs = new Map<string, string>()

  journal(key: string): { next: number; entries: string[]; first: number } {
    const found = this.journals.get(key) ?? { next: 1, entries: [], first: 1 }
    this.journals.set(key, found)
    return found
  }
}

const key = fc.constantFrom('a', 'ab', 'é')
const text = fc.string({ maxLength: 4 })
const small = fc.nat({ max: 4 })

/** The result, or the code of the refusal. */
async function outcome(work: Promise<unknown>): Promise<unknown> {
  return work.catch((error: unknown) => {
    if (error instanceof CodedError) return error.code
    throw error
  })
}

const calls: fc.Arbitrary<Call> = fc.oneof(
  fc.tuple(key, small, text).map(
    ([at, expected, state]): Call =>
      async (store, { snapshots }) => {
        const present = snapshots.get(at)?.version ?? 0
        if (present === expected) snapshots.set(at, { version: expected + 1, text: state })
        return [
          await outcome(store.save(at, expected, bytes(state))),
          present === expected ? expected + 1 : 'STORE_VERSION',
        ]
      },
  ),
  fc.tuple(key, text, fc.option(small)).map(
    ([at, entry, expected]): Call =>
      async (store, model) => {
        const own = model.journal(at)
        const refused = expected !== null && expected !== own.next
        const number = own.next
        if (!refused) own.entries[own.next++] = `${number}:${entry}`
        const options = expected === null ? {} : { expected }
        return [await outcome(store.append(at, bytes(entry), options)), refused ? 'STORE_VERSION' : number]
      },
  ),
  fc.tuple(key, fc.nat({ max: 8 })).map(
    ([at, upTo]): Call =>
      async (store, model) => {
        const own = model.journal(at)
        own.first = Math.max(own.first, upTo + 1)
        // Entries that don't exist yet aren't dropped.
        own.first = Math.min(own.first, own.next)
        return [await store.truncate(at, upTo), undefined]
      },
  ),
  key.map(
    (at): Call =>
      async (store, model) => {
        model.snapshots.delete(at)
        model.journals.delete(at)
        return [await store.remove(at), undefined]
      },
  ),
  fc.tuple(fc.uniqueArray(key), small).map(
    ([ids, n]): Call =>
      async (store, { documents }) => {
        const taken = ids.some((id) => documents.has(id))
        if (!taken) for (const id of ids) documents.set(id, { version: 1, n })
        const work = store.documents.insert(
          'c',
          ids.map((id) => ({ id, fields: { n } })),
        )
        return [await outcome(work), taken ? 'STORE_EXISTS' : undefined]
      },
  ),
  fc.tuple(key, small, small).map(
    ([id, expected, n]): Call =>
      async (store, { documents }) => {
        const refused = (documents.get(id)?.version ?? -1) !== expected
        if (!refused) documents.set(id, { version: expected + 1, n })
        const work = store.documents.replace('c', id, expected, { n })
        return [await outcome(work), refused ? 'STORE_VERSION' : expected + 1]
      },
  ),
  key.map(
    (id): Call =>
      async (store, { documents }) => {
        const expected = documents.delete(id)
        return [await store.documents.remove('c', id), expected]
      },
  ),
  fc.tuple(key, text).map(
    ([at, content]): Call =>
      async (store, { blobs }) => {
        blobs.set(at, content)
        return [await store.putBlob(at, [bytes(content)]), undefined]
      },
  ),
  key.map(
    (at): Call =>
      async (store, { blobs }) => {
        blobs.delete(at)
        return [await store.removeBlob(at), undefined]
      },
  ),
)

async function contents(store: Store): Promise<unknown> {
  const found: Record<string, unknown> = {}
  for (const at of ['a', 'ab', 'é']) {
    const snapshot = await store.load(at)
    const content = await blob(store, at)
    found[at] = {
      snapshot: snapshot && { version: snapshot.version, text: new TextDecoder().decode(snapshot.bytes) },
      journal: await journal(store, at),
      blob: content && new TextDecoder().decode(content),
    }
  }
  for (const n of [0, 1, 2, 3, 4]) found[`n=${n}`] = await all(store.documents.find('c', { where: { n } }))
  return found
}

function contentsOf(model: Model): unknown {
  const found: Record<string, unknown> = {}
  for (const at of ['a', 'ab', 'é']) {
    const { entries, first } = model.journals.get(at) ?? { entries: [], first: 1 }
    found[at] = { snapshot: model.snapshots.get(at), journal: entries.slice(first), blob: model.blobs.get(at) }
  }
  for (const n of [0, 1, 2, 3, 4])
    found[`n=${n}`] = ['a', 'ab', 'é'].flatMap((id) => {
      const document = model.documents.get(id)
      return document?.n === n ? [{ id, version: document.version, fields: { n } }] : []
    })
  return found
}

export function modelContract(test: Declare, open: OpenStore): void {
  test('any calls, and openings in between, do what they do to plain collections', async (t) => {
    const step = fc.oneof({ weight: 15, arbitrary: calls }, { weight: 1, arbitrary: fc.constant('reopen' as const) })
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await using opened = await open()
      let { store } = opened
      const model = new Model()
      for (const one of steps) {
        if (one === 'reopen') {
          store = (await opened.reopen?.()) ?? store
          continue
        }
        const [found, expected] = await one(store, model)
        t.deepEqual(found, expected)
      }
      t.deepEqual(await contents(store), contentsOf(model))
    })
    await fc.assert(property, { numRuns: 60 })
  })
}
