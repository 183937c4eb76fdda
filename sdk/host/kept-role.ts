import { type AskOptions, type DurableStore, fieldsOf, isString, listOf, writesSettled } from '../../runtime/index.ts'
import { isNewer, roleKey } from './round-keeper.ts'

/** The state of an end's role, which one site hands to another with the task. */
export interface KeptRole {
  readonly end: string
  readonly snapshot: Uint8Array
  /** The decisions of the round in progress, in order. */
  readonly journal: readonly Uint8Array[]
}

/** The answer to `kept`. */
export interface TakenReply {
  readonly type: 'taken'
}

/** How a site asks for the answer to `kept`: a role has at most a few models. */
export const askTaken: AskOptions<TakenReply> = {
  timeoutMs: 60_000,
  decode: (value) => (fieldsOf(value).type === 'taken' ? { type: 'taken' } : undefined),
}

/**
 * Gives the states of stopped roles to the actor that has released their tasks, one after the other. States that aren't
 * taken in time stay behind: their clients start anew elsewhere.
 */
export async function handOver(
  { store, run, ends }: { readonly store: DurableStore; readonly run: string; readonly ends: readonly string[] },
  give: (kept: KeptRole) => Promise<TakenReply>,
): Promise<void> {
  for (const end of ends) {
    const kept = await keptRole(store, run, end)
    const isTaken = kept && give(kept).then(() => true)
    if (isTaken && !(await isTaken.catch(() => false))) return
  }
}

async function keptRole(store: DurableStore, run: string, end: string): Promise<KeptRole | undefined> {
  const key = roleKey(run, end)
  // A stopped host may still be writing.
  await writesSettled(store, key)
  const snapshot = await store.load(key)
  if (!snapshot) return undefined
  const journal: Uint8Array[] = []
  for await (const { bytes } of store.read(key)) journal.push(bytes)
  return { end, snapshot: snapshot.bytes, journal }
}

/** Puts a role's state into the store of a site that gets the task, unless the site has a later one. */
export async function takeRole(store: DurableStore, run: string, { end, snapshot, journal }: KeptRole): Promise<void> {
  const key = roleKey(run, end)
  await writesSettled(store, key)
  const present = await store.load(key)
  if (present && !isNewer(snapshot, present.bytes)) return
  await store.remove(key)
  await store.save(key, 0, snapshot)
  for (const entry of journal) await store.append(key, entry)
}

export function decodeKeptRole(value: unknown): KeptRole | undefined {
  const { end, snapshot, ...fields } = fieldsOf(value)
  const journal = listOf(fields.journal, (entry) => (entry instanceof Uint8Array ? entry : undefined))
  return isString(end) && snapshot instanceof Uint8Array && journal ? { end, snapshot, journal } : undefined
}
