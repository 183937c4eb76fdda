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
import type { Decisions } from '../role/decisions.ts'
import { roleError } from '../role/errors.ts'
import type { OwnState, Role, RoundRecord } from '../role/role.ts'
import { isOutdated, JournalledDecisions } from './decisions.ts'
import { type OwnGenerations, ownStateOf } from './own-state.ts'
import type { JobSurroundings, RoleTask } from './role-task.ts'
import { StagedRecords } from './staged-records.ts'

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

/** Keeps a role's state between rounds and its decisions within one. */
export interface RoundKeeper<State> {
  /** The state of the last committed round, if any. */
  readonly restored: State | undefined
  readonly decisions: Decisions
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
  const staged = new StagedRecords(end, part, job.reports)
  const decisions = await JournalledDecisions.open(store, key, present.commits, takenOver)

  return {
    restored: saved && restore(role, end, saved),
    decisions,
    own: ownStateOf(end, {
      load: () => present.own,
      save: (own) => write({ ...present, own }),
    }),
    async secret() {
      if (!present.secret) await write({ ...present, secret: drawSecret() })
      return present.secret ?? new Uint8Array()
    },
    stage: (record) => staged.stage(record),
    metric: (name, value) => staged.metric(name, value),
    commit(before, after) {
      const changed = after !== before || decisions.any
      if (changed || staged.any) return keep(changed, after)
      decisions.repeat()
      return undefined
    },
  }

  async function keep(changed: boolean, after: State): Promise<void> {
    const { records, numbers } = staged.take()
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
    if (numbers) job.reports.tell({ type: 'metrics', end, metrics: numbers })
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
}

function systemSecret(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(32))
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
