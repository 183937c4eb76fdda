import { indexedDbStore } from '../../runtime/durable/indexeddb/index.ts'

/** Runs in a page: saves numbers under a key, one after the other, until the page ends. Notes each save that is acknowledged. */
export async function saveOnAndOn(name: string, key: string): Promise<void> {
  const store = await indexedDbStore(name)
  let version = (await store.load(key))?.version ?? 0
  for (;;) {
    await store.append(key, Uint8Array.of(version % 256))
    version = await store.save(key, version, new Uint8Array(10_000).fill(version % 256))
    console.log(`saved ${version}`)
  }
}

/** The version of a snapshot, the first of its bytes, and the number of the journal's entries. */
export async function saved(name: string, key: string): Promise<readonly (number | undefined)[]> {
  const store = await indexedDbStore(name)
  const snapshot = await store.load(key)
  let entries = 0
  for await (const { number } of store.read(key)) entries = number
  await store.close()
  return [snapshot?.version, snapshot?.bytes[0], entries]
}

/** The codes of a save that another store on the same database has overtaken, and of one after the database was removed. */
export async function sharedSave(name: string): Promise<readonly unknown[]> {
  const [first, second] = [await indexedDbStore(name), await indexedDbStore(name)]
  await first.save('key', 0, Uint8Array.of(1))
  const overtaken = await second.save('key', 0, Uint8Array.of(2)).catch(codeOf)
  await new Promise((resolve) => indexedDB.deleteDatabase(name).addEventListener('success', resolve))
  return [overtaken, await first.save('key', 1, Uint8Array.of(3)).catch(codeOf)]
}

function codeOf(cause: unknown): unknown {
  return Object(cause).code
}
