import type { JournalEntry, Store } from '../store.ts'

/** A store that begins empty. Disposal closes the store and removes its remains. */
export interface StoreUnderTest extends AsyncDisposable {
  readonly store: Store
  /** Closes and opens again with all that was stored; absent where an adapter keeps nothing. */
  reopen?(): Promise<Store>
}

export type OpenStore = () => Promise<StoreUnderTest>

interface Thrown {
  readonly code?: string
  readonly message?: string
}

/** The assertions of ava that the contract uses. In a page, where ava can't run, others have the same meaning. */
export interface Assertions {
  is(found: unknown, expected: unknown, message?: string): unknown
  deepEqual(found: unknown, expected: unknown, message?: string): unknown
  true(found: unknown, message?: string): unknown
  false(found: unknown, message?: string): unknown
  readonly throwsAsync: {
    (work: Promise<unknown>, expected: Thrown, message?: string): Promise<unknown>
    (work: () => Promise<unknown>, expected: Thrown, message?: string): Promise<unknown>
  }
  pass(message?: string): void
}

/** Declares a test, as ava's `test` does. */
export type Declare = (title: string, run: (t: Assertions) => Promise<void>) => void

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Entries as `number:text`. */
export async function journal(store: Store, key: string, from?: number): Promise<string[]> {
  const entries = await all<JournalEntry>(store.read(key, from === undefined ? {} : { from }))
  return entries.map((entry) => `${entry.number}:${new TextDecoder().decode(entry.bytes)}`)
}

export async function blob(store: Store, key: string): Promise<Uint8Array | undefined> {
  const chunks = await store.getBlob(key)
  return chunks && joined(await all(chunks))
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Compares bytes. Faster than `deepEqual` for many. */
export function hasBytes(found: Uint8Array | undefined, expected: Uint8Array): boolean {
  return found?.length === expected.length && found.every((byte, index) => byte === expected[index])
}

/** Bytes that tell each place from its neighbours. */
export function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) + seed) & 0xff)
}
