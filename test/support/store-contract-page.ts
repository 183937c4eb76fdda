import type { Assertions, StoreUnderTest } from '../../runtime/durable/contract/store-under-test.ts'
import { indexedDbStore } from '../../runtime/durable/indexeddb/index.ts'
import { storeContract } from '../../runtime/durable/store.contract.ts'

/** Runs in a page: the contract of stores over the browser's own databases. */
const tests = new Map<string, (t: Assertions) => Promise<void>>()
storeContract((title, run) => tests.set(title, run), newStore)

/** Runs one test of the contract. Rejects with the fault. */
export async function runTest(title: string): Promise<void> {
  const run = tests.get(title)
  if (!run) throw new Error(`no test ${title}`)
  await run(assertions)
}

let stores = 0

async function newStore(): Promise<StoreUnderTest> {
  const name = `store-${Math.random()}-${++stores}`
  let store = await indexedDbStore(name)
  return {
    store,
    async reopen() {
      await store.close()
      store = await indexedDbStore(name)
      return store
    },
    async [Symbol.asyncDispose]() {
      await store.close()
      await deleted(name)
    },
  }
}

function deleted(name: string): Promise<void> {
  const request = indexedDB.deleteDatabase(name)
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve())
    request.addEventListener('error', () => reject(request.error ?? new Error('not deleted')))
  })
}

const assertions: Assertions = {
  is: (found, expected, message) => check(Object.is(found, expected), found, expected, message),
  deepEqual: (found, expected, message) => check(isSame(found, expected), found, expected, message),
  true: (found, message) => check(found === true, found, true, message),
  false: (found, message) => check(found === false, found, false, message),
  async throwsAsync(work: Promise<unknown> | (() => Promise<unknown>), { code, message: expected }, message) {
    try {
      await (typeof work === 'function' ? work() : work)
    } catch (cause) {
      const { code: found, message: text } = Object(cause)
      if (code !== undefined) check(found === code, found ?? text, code, message)
      if (expected !== undefined) check(text === expected, text, expected, message)
      return
    }
    throw new Error(`nothing was thrown, but ${code ?? expected} was expected: ${message ?? ''}`)
  },
  pass: () => {},
}

function check(holds: boolean, found: unknown, expected: unknown, message = ''): void {
  if (!holds) throw new Error(`${message} found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`)
}

/** Compares plain values and arrays of bytes. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b)
  if (a instanceof Uint8Array !== b instanceof Uint8Array || Array.isArray(a) !== Array.isArray(b)) return false
  const [of, with_] = [new Map(Object.entries(a)), new Map(Object.entries(b))]
  return of.size === with_.size && [...of].every(([name, value]) => with_.has(name) && isSame(value, with_.get(name)))
}
