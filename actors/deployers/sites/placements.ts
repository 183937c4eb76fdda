import { type DurableStore, decode, encode, isNumber, isObject } from '../../../runtime/index.ts'

/** The record by which each deployment of a run knows the earlier ones. */
export interface Placements {
  /** The number of this deployment: one more than that of the last. */
  readonly start: number
  /** By end: the name of the site that has the task's state. Saved with `save`. */
  readonly places: Map<string, string>
  /** Resolves when the present places are durable. */
  save(): Promise<void>
}

interface Kept {
  readonly start: number
  readonly places: Readonly<Record<string, string>>
}

const keyOf = (run: string) => `placements/${run}`

/**
 * Begins a deployment of a run: counts it, and loads the places of the run's tasks. The record stays after the run's end,
 * since sites remember the last number.
 */
export async function beginPlacements(store: DurableStore, run: string): Promise<Placements> {
  const key = keyOf(run)
  const found = await store.load(key)
  const kept = found && decode(found.bytes)
  const { start, places: known } = isKept(kept) ? kept : { start: 0, places: {} }
  const places = new Map(Object.entries(known))
  let version = found?.version ?? 0
  let writing = Promise.resolve()
  const save = () => {
    writing = writing.then(async () => {
      const present: Kept = { start: start + 1, places: Object.fromEntries(places) }
      version = await store.save(key, version, encode(present))
    })
    return writing
  }
  await save()
  return { start: start + 1, places, save }
}

/** By end, the name of the site that has a task of the run, or had the task last. Empty for a run without sites. */
export async function placesIn(store: DurableStore, run: string): Promise<ReadonlyMap<string, string>> {
  const found = await store.load(keyOf(run))
  const kept = found && decode(found.bytes)
  return new Map(isKept(kept) ? Object.entries(kept.places) : [])
}

function isKept(value: unknown): value is Kept {
  return isObject(value) && 'start' in value && isNumber(value.start) && 'places' in value && isObject(value.places)
}
