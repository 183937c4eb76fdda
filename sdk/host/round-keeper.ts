import { type DurableStore, decode, encode, noteWrite, type Snapshot, writesSettled } from '../../runtime/index.ts'
import { roleError } from '../role/errors.ts'
import type { Notice, OwnState, Role, RoundRecord } from '../role/role.ts'
import { isOutdated, JournalledDecisions } from './decisions.ts'
import type { JobSurroundings, RoleTask } from './role-task.ts'

/** What a role's snapshot holds. */
interface SavedState {
  readonly role: string
  /** Rounds committed so far: tells the decisions of the next one from leftovers. */
  readonly commits: number
  /** Absent as long as none is committed. */
  readonly state?: unknown
  /** Absent as long as the role keeps none. */
  readonly own?: OwnGenerations
}

/** A role's own state before and after the last round for which it was kept. */
interface OwnGenerations {
  readonly round: number
  readonly before: unknown
  readonly after: unknown
}

/** Keeps a role's state between rounds and its decisions within one. */
export interface RoundKeeper<State> {
  /** The state of the last committed round, if any. */
  readonly restored: State | undefined
  readonly decisions: JournalledDecisions
  readonly own: OwnState
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
function roleKey(job: string, end: string): string {
  return `job/${job}/${end}`
}

/** Whether what is kept under a key belongs to a role of this job. */
export function isRoleKey(job: string, key: string): boolean {
  return key.startsWith(roleKey(job, '')) && key.length > roleKey(job, '').length
}

/** Removes what is kept of a role. */
export function forgetRole(store: DurableStore, job: string, end: string): Promise<void> {
  return store.remove(roleKey(job, end))
}

/**
 * Loads a role's snapshot and the decisions of the round after it. If the job was taken over from another server, that one
 * can't write them any more: its next write is refused by the store. Once the signal is aborted nothing more is written.
 */
export async function openRoundKeeper<State, Channels>(
  role: Role<State, Channels>,
  { end, part }: RoleTask,
  job: JobSurroundings,
  signal: AbortSignal,
): Promise<RoundKeeper<State>> {
  const { store, takenOver = false } = job
  const key = roleKey(job.job, end)
  // A host that was stopped may still be writing.
  await writesSettled(store, key)
  const loaded = takenOver ? await claim(store, key, role.name) : await store.load(key)
  const saved = loaded && decodeSaved(role.name, end, loaded.bytes)
  let version = loaded?.version ?? 0
  let present: SavedState = saved ?? { role: role.name, commits: 0 }
  let staged: RoundRecord[] = []
  const numbers = new Map<string, number>()
  const decisions = await JournalledDecisions.open(store, key, present.commits, takenOver)

  return {
    restored: saved && restore(role, end, saved),
    decisions,
    own: ownState(),
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
    const records = staged.map((record) => {
      const { finite, notices } = finiteMetrics(end, record)
      for (const notice of notices) job.reports.tell({ type: 'notice', end, notice })
      return { ...record, ...(part !== undefined && { part }), metrics: byName({ ...given, ...finite }) }
    })
    const hasReport = records.length === 0 && numbers.size > 0
    staged = []
    numbers.clear()
    await decisions.flush()
    for (const record of records) {
      signal.throwIfAborted()
      await job.publish(record)
    }
    if (changed) {
      await write({ ...present, commits: present.commits + 1, state: after })
      await decisions.next()
    } else decisions.repeat()
    for (const record of records) await job.announce(record)
    if (hasReport) job.reports.tell({ type: 'metrics', end, metrics: given })
  }

  async function write(next: SavedState): Promise<void> {
    // The actor that goes on with this state expects the version that it has loaded.
    signal.throwIfAborted()
    version = await save(store, key, version, next)
    present = next
  }

  function ownState(): OwnState {
    /** The state that the work under way starts from. */
    let start: unknown
    return {
      async before(round, counted) {
        const { own } = present
        if (own !== undefined && own.round > round) throw roleError('ROLE_ROUND_OVER', { round, end, kept: own.round })
        const isFinal = own !== undefined && own.round !== round && counted !== undefined && counted >= own.round
        start = isFinal ? own.after : own?.before
        return start
      },
      keep: (round, after) => write({ ...present, own: { round, before: start, after } }),
    }
  }
}

/** A record's metrics without those that aren't finite: no file and no event could keep them. A notice for each of these. */
function finiteMetrics(end: string, { round, metrics, whyNotFinite }: RoundRecord) {
  const finite: Record<string, number> = {}
  const notices: Notice[] = []
  const why = whyNotFinite === undefined ? '' : `: ${whyNotFinite}`
  for (const [name, value] of Object.entries(metrics)) {
    if (Number.isFinite(value)) finite[name] = value
    else
      notices.push({
        code: 'ROLE_METRIC_LEFT_OUT',
        message: `metric ${name} of ${end} in round ${round} is ${value}, and is left out${why}`,
      })
  }
  return { finite, notices }
}

/** In alphabetical order, so that what is published doesn't depend on the order of calls. */
function byName(metrics: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(metrics).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function save(store: DurableStore, key: string, version: number, saved: SavedState): Promise<number> {
  return noteWrite(store, key, store.save(key, version, encode(saved)))
}

/** Raises the version of a snapshot, so that another that has loaded it can't save any more. */
async function claim(store: DurableStore, key: string, role: string): Promise<Snapshot> {
  for (;;) {
    const present = await store.load(key)
    const bytes = present?.bytes ?? encode({ role, commits: 0 } satisfies SavedState)
    try {
      return { version: await store.save(key, present?.version ?? 0, bytes), bytes }
    } catch (cause) {
      if (!isOutdated(cause)) throw cause
    }
  }
}

function decodeSaved(role: string, end: string, bytes: Uint8Array): SavedState {
  const saved = decode(bytes)
  const found = typeof saved === 'object' && saved !== null && 'role' in saved ? saved.role : 'unknown'
  if (isSaved(saved) && saved.role === role) return saved
  throw roleError('ROLE_SNAPSHOT_FOREIGN', { end, found, role })
}

function isSaved(value: unknown): value is SavedState {
  return (
    typeof value === 'object' &&
    value !== null &&
    'role' in value &&
    typeof value.role === 'string' &&
    'commits' in value &&
    typeof value.commits === 'number'
  )
}

function restore<State, Channels>(role: Role<State, Channels>, end: string, saved: SavedState): State | undefined {
  if (!('state' in saved)) return undefined
  if (role.isState(saved.state)) return saved.state
  throw roleError('ROLE_SNAPSHOT_FOREIGN', { end, found: role.name, role: role.name })
}
