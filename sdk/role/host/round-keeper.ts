import { decode, encode, type Store } from '../../../runtime/index.ts'
import { roleError } from '../errors.ts'
import type { Role, RoundRecord } from '../role.ts'
import { JournalledDecisions } from './decisions.ts'
import type { JobSurroundings } from './role-task.ts'

/** What a role's snapshot holds. */
interface SavedState {
  readonly role: string
  readonly state: unknown
}

/** Keeps a role's state between rounds and its decisions within one. */
export interface RoundKeeper<State> {
  /** The state of the last committed round, if any. */
  readonly restored: State | undefined
  readonly decisions: JournalledDecisions
  /** What the round publishes when it's committed. */
  stage(record: RoundRecord): void
  /** A number that goes with it, or with a report to the job if nothing is published. */
  metric(name: string, value: number): void
  /**
   * Makes the round durable: first its decisions, then what it publishes, then its state. Undefined if there is nothing of
   * it to keep, as with a trainer: then it costs nothing.
   */
  commit(before: State, after: State): Promise<void> | undefined
}

/** Where a role's snapshot and journal are kept. */
export function roleKey(job: string, end: string): string {
  return `job/${job}/${end}`
}

/** Loads a role's snapshot and the decisions of the round after it. */
export async function openRoundKeeper<State, Channels>(
  role: Role<State, Channels>,
  end: string,
  job: JobSurroundings,
): Promise<RoundKeeper<State>> {
  const { store } = job
  const key = roleKey(job.job, end)
  const snapshot = await store.load(key)
  let version = snapshot?.version ?? 0
  let staged: RoundRecord[] = []
  const numbers = new Map<string, number>()
  const decisions = await JournalledDecisions.open(store, key, version)

  return {
    restored: snapshot && restore(role, end, snapshot.bytes),
    decisions,
    stage: (record) => staged.push(record),
    metric: (name, value) => numbers.set(name, value),
    commit(before, after) {
      const changed = after !== before || decisions.any
      if (changed || staged.length > 0 || numbers.size > 0) return keep(changed, after)
      decisions.repeat()
      return undefined
    },
  }

  async function keep(changed: boolean, after: State): Promise<void> {
    const given = numbers.size === 0 ? {} : byName(Object.fromEntries(numbers))
    const records = staged.map((record) => ({ ...record, metrics: byName({ ...given, ...record.metrics }) }))
    const hasReport = records.length === 0 && numbers.size > 0
    staged = []
    numbers.clear()
    await decisions.flush()
    for (const record of records) await job.publish(record)
    if (changed) {
      version = await save(store, key, version, { role: role.name, state: after })
      await decisions.next()
    } else decisions.repeat()
    for (const record of records) await job.announce(record)
    if (hasReport) job.reports.tell({ type: 'metrics', end, metrics: given })
  }
}

/** In alphabetical order, so that what is published doesn't depend on the order of calls. */
function byName(metrics: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(metrics).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function save(store: Store, key: string, version: number, saved: SavedState): Promise<number> {
  return store.save(key, version, encode(saved))
}

function restore<State, Channels>(role: Role<State, Channels>, end: string, bytes: Uint8Array): State {
  const saved = decode(bytes)
  const found = typeof saved === 'object' && saved !== null && 'role' in saved ? saved.role : 'unknown'
  if (
    typeof saved === 'object' &&
    saved !== null &&
    'state' in saved &&
    found === role.name &&
    role.isState(saved.state)
  )
    return saved.state
  throw roleError('ROLE_SNAPSHOT_FOREIGN', { end, found, role: role.name })
}
