import {
  type ActorContext,
  type DurableStore,
  decode,
  encode,
  isNumber,
  isObject,
  isString,
  noteWrite,
  type Snapshot,
  writesSettled,
} from '../../runtime/index.ts'
import { roleError } from '../role/errors.ts'
import type { Notice, OwnState, Role, RoundRecord } from '../role/role.ts'
import { isOutdated, JournalledDecisions } from './decisions.ts'
import type { JobSurroundings, RoleTask } from './role-task.ts'

/** The content of a role's snapshot. */
interface SavedState {
  readonly role: string
  /** Number of committed rounds. Journal entries of earlier rounds are leftovers. */
  readonly commits: number
  /** Absent until a round is committed. */
  readonly state?: unknown
  /** Absent until the role keeps own state. */
  readonly own?: OwnGenerations
  /** Absent until the role asks for it. */
  readonly secret?: Uint8Array
}

/** A role's own state before and after the last round for which it was kept. */
interface OwnGenerations {
  readonly round: number
  readonly before: unknown
  readonly after: unknown
  /** The round started anew, since the state after the last counted round was lost. */
  readonly isAnew?: true
}

/** Keeps a role's state between rounds and its decisions within one. */
export interface RoundKeeper<State> {
  /** The state of the last committed round, if any. */
  readonly restored: State | undefined
  readonly decisions: JournalledDecisions
  readonly own: OwnState
  /** The task's secret. Drawn, and durable, at the first call. */
  secret(): Promise<Uint8Array>
  /** Adds a record that is published when the round is committed. */
  stage(record: RoundRecord): void
  /** Adds a number to the round's records, or to a report to the job if the round publishes no record. */
  metric(name: string, value: number): void
  /**
   * Makes the round durable: first its decisions, then its records, then its state. Undefined, and free of cost, if the
   * round has nothing to keep, such as a trainer's.
   */
  commit(before: State, after: State): Promise<void> | undefined
}

/** The key of a role's snapshot and journal. */
export function roleKey(job: string, end: string): string {
  return `job/${job}/${end}`
}

/** Whether a key holds the state of a role of this job. */
export function isRoleKey(job: string, key: string): boolean {
  return key.startsWith(roleKey(job, '')) && key.length > roleKey(job, '').length
}

/** Whether a snapshot of a role was saved after another one of the same role. */
export function isNewer(snapshot: Uint8Array, other: Uint8Array): boolean {
  const [one, two] = [decode(snapshot), decode(other)]
  if (!isSaved(one)) return false
  if (!isSaved(two) || one.commits !== two.commits) return !isSaved(two) || one.commits > two.commits
  return (one.own?.round ?? 0) > (two.own?.round ?? 0)
}

/** Removes a role's snapshot and journal. */
export function forgetRole(store: DurableStore, job: string, end: string): Promise<void> {
  return store.remove(roleKey(job, end))
}

/**
 * Loads a role's snapshot and the decisions of the round after it.
 * If the job was taken over from another server, the version of the snapshot is raised and the journal is claimed: the
 * store refuses the other server's next write. Once the actor's incarnation has ended, the keeper writes nothing more.
 */
export async function openRoundKeeper<State, Channels>(
  role: Role<State, Channels>,
  { end, part }: RoleTask,
  job: JobSurroundings,
  actor: Pick<ActorContext<never>, 'hasEnded' | 'signal'>,
): Promise<RoundKeeper<State>> {
  const { store, takenOver = false, drawSecret = systemSecret } = job
  const key = roleKey(job.job, end)
  // A stopped host may still be writing.
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
    async secret() {
      if (!present.secret) await write({ ...present, secret: drawSecret() })
      return present.secret ?? new Uint8Array()
    },
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
      return {
        ...record,
        ...(part !== undefined && record.part === undefined && { part }),
        metrics: byName({ ...given, ...finite }),
      }
    })
    const hasReport = records.length === 0 && numbers.size > 0
    staged = []
    numbers.clear()
    await decisions.flush()
    for (const record of records) {
      requireLife()
      await job.publish(record)
    }
    if (changed) {
      await write({ ...present, commits: present.commits + 1, state: after })
      await decisions.next()
    } else decisions.repeat()
    for (const record of records) await job.announce(record)
    if (hasReport) job.reports.tell({ type: 'metrics', end, metrics: given })
  }

  function requireLife(): void {
    if (actor.hasEnded) actor.signal.throwIfAborted()
  }

  async function write(next: SavedState): Promise<void> {
    // The next actor expects the version that it has loaded, so an ended actor must not write.
    requireLife()
    version = await save(store, key, version, next)
    present = next
  }

  function ownState(): OwnState {
    /** The state that the work in progress started from. */
    let start: unknown
    let isAnew = false
    return {
      async before(round, counted) {
        const { own } = present
        if (own !== undefined && own.round > round) throw roleError('ROLE_ROUND_OVER', { round, end, kept: own.round })
        isAnew = own?.round === round ? own.isAnew === true : counted !== undefined && (own?.round ?? 0) < counted
        const isFinal = own !== undefined && own.round !== round && counted !== undefined && counted >= own.round
        start = isAnew ? undefined : isFinal ? own.after : own?.before
        return start
      },
      keep: (round, after) => write({ ...present, own: { round, before: start, after, ...(isAnew && { isAnew }) } }),
      get isAnew() {
        return isAnew
      },
    }
  }
}

function systemSecret(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32))
}

/** Removes metrics that aren't finite, which neither a file nor an event can keep, and makes a notice for each. */
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

/** Sorted by name, so that the published metrics don't depend on the order of calls. */
function byName(metrics: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(metrics).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function save(store: DurableStore, key: string, version: number, saved: SavedState): Promise<number> {
  return noteWrite(store, key, store.save(key, version, encode(saved)))
}

/** Raises the version of a snapshot, so that another process that has loaded the snapshot can't save. */
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
  const found = isObject(saved) && 'role' in saved ? saved.role : 'unknown'
  if (isSaved(saved) && saved.role === role) return saved
  throw roleError('ROLE_SNAPSHOT_FOREIGN', { end, found, role })
}

function isSaved(value: unknown): value is SavedState {
  return isObject(value) && 'role' in value && isString(value.role) && 'commits' in value && isNumber(value.commits)
}

function restore<State, Channels>(role: Role<State, Channels>, end: string, saved: SavedState): State | undefined {
  if (!('state' in saved)) return undefined
  if (role.isState(saved.state)) return saved.state
  throw roleError('ROLE_SNAPSHOT_FOREIGN', { end, found: role.name, role: role.name })
}
