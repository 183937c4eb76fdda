import { z } from 'zod'
import {
  type DurableStore,
  type JournalEntry,
  type PackedError,
  packError,
  unpackError,
} from '../../../runtime/index.ts'
import { isRoleKey } from '../../../sdk/index.ts'
import { controllerError } from '../errors.ts'
import { type StoreCall, storedBytes } from './protocol.ts'

export interface AnsweredCall {
  readonly value?: unknown
  readonly error?: PackedError
}

/**
 * Performs a call of a job's process on the server's store. Calls of one process reach the store in their order. A call
 * for a key of another job is answered with the error JOB_STORE.
 */
export async function answerStoreCall(store: DurableStore, run: string, call: StoreCall): Promise<AnsweredCall> {
  return answered(async () => {
    if (!isRoleKey(run, call.key)) throw controllerError('JOB_STORE', { key: call.key })
    return perform(store, call)
  })
}

/** Answers with the result of the work, or with its error. */
export async function answered(work: () => Promise<unknown>): Promise<AnsweredCall> {
  try {
    return { value: await work() }
  } catch (cause) {
    return { error: packError(cause) }
  }
}

function perform(store: DurableStore, call: StoreCall): Promise<unknown> {
  switch (call.method) {
    case 'load':
      return store.load(call.key)
    case 'save':
      return store.save(call.key, call.version, call.bytes)
    case 'append':
      return store.append(call.key, call.bytes, call.expected === undefined ? {} : { expected: call.expected })
    case 'read':
      return entriesOf(store.read(call.key, call.from === undefined ? {} : { from: call.from }))
    case 'truncate':
      return store.truncate(call.key, call.upTo)
    case 'remove':
      return store.remove(call.key)
  }
}

async function entriesOf(journal: AsyncIterable<JournalEntry>): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = []
  for await (const entry of journal) entries.push(entry)
  return entries
}

/** Calls that wait for the server's answers, by number. */
export interface Calls {
  /** Numbers a call, sends the call, and waits for the answer. */
  ask(send: (call: number) => void): Promise<unknown>
  answered(call: number, answer: AnsweredCall): void
}

export function calls(): Calls {
  const waiting = new Map<number, (answer: AnsweredCall) => void>()
  let last = 0
  return {
    ask(send) {
      last += 1
      const call = last
      return new Promise((resolve, reject) => {
        waiting.set(call, ({ value, error }) => (error ? reject(unpackError(error)) : resolve(value)))
        send(call)
      })
    },
    answered(call, answer) {
      waiting.get(call)?.(answer)
      waiting.delete(call)
    },
  }
}

const number = z.number()
const snapshot = z.object({ version: number, bytes: storedBytes }).optional()
const entries = z.array(z.object({ number, bytes: storedBytes }))
const nothing = z.undefined()

/** The store of a job's process: it sends each call to the server. */
export function jobStore(ask: (call: StoreCall) => Promise<unknown>): DurableStore {
  return {
    load: async (key) => snapshot.parse(await ask({ method: 'load', key })),
    save: async (key, version, bytes) => number.parse(await ask({ method: 'save', key, version, bytes })),
    append: async (key, bytes, { expected } = {}) =>
      number.parse(await ask({ method: 'append', key, bytes, ...(expected === undefined ? {} : { expected }) })),
    async *read(key, { from } = {}) {
      yield* entries.parse(await ask({ method: 'read', key, ...(from === undefined ? {} : { from }) }))
    },
    truncate: async (key, upTo) => nothing.parse(await ask({ method: 'truncate', key, upTo })),
    remove: async (key) => nothing.parse(await ask({ method: 'remove', key })),
  }
}
