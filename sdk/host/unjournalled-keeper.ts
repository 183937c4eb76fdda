import type { Decisions } from '../role/decisions.ts'
import type { OwnState, RoundRecord } from '../role/role.ts'
import { type OwnPlace, ownStateOf } from './own-state.ts'
import type { RoleTask, RoundSurroundings } from './role-task.ts'
import type { RoundKeeper } from './round-keeper.ts'
import { StagedRecords } from './staged-records.ts'

/** What becomes of the rounds of a role whose decisions aren't journalled. */
export interface UnjournalledPlaces<State> {
  /** The state from which the role goes on. Absent: the role begins. */
  readonly restored?: State | undefined
  readonly own: OwnPlace
  readonly secret: () => Uint8Array
  /** Commits a round with a new state or with records. Absent: the role's rounds leave nothing. */
  commit?(state: State, records: readonly RoundRecord[]): Promise<void>
}

/**
 * Keeps a role in a run that repeats itself, such as a simulation in virtual time: a round that runs again makes the same
 * decisions, so none is journalled. A fleet makes a keeper for each activation of a device.
 */
export class UnjournalledKeeper<State> implements RoundKeeper<State>, Decisions {
  readonly #task: RoleTask
  readonly #job: Pick<RoundSurroundings, 'reports'>
  readonly #places: UnjournalledPlaces<State>
  #own: OwnState | undefined
  #staged: StagedRecords | undefined

  constructor(task: RoleTask, job: Pick<RoundSurroundings, 'reports'>, places: UnjournalledPlaces<State>) {
    this.#task = task
    this.#job = job
    this.#places = places
  }

  get restored(): State | undefined {
    return this.#places.restored
  }

  get decisions(): Decisions {
    return this
  }

  get own(): OwnState {
    this.#own ??= ownStateOf(this.#task.end, this.#places.own)
    return this.#own
  }

  async secret(): Promise<Uint8Array> {
    return this.#places.secret()
  }

  stage(record: RoundRecord): void {
    this.#records().stage(record)
  }

  metric(name: string, value: number): void {
    this.#records().metric(name, value)
  }

  commit(before: State, after: State): Promise<void> | undefined {
    const taken = this.#staged?.any ? this.#staged.take() : undefined
    if (taken?.numbers) this.#job.reports.tell({ type: 'metrics', end: this.#task.end, metrics: taken.numbers })
    if (after === before && !taken) return undefined
    return this.#places.commit?.(after, taken?.records ?? [])
  }

  place(name: string): string {
    return name
  }

  recall(): undefined {
    return undefined
  }

  make<Value>(_: string, make: () => Value | Promise<Value>): Value | Promise<Value> {
    return make()
  }

  record(): void {}

  async life(): Promise<number> {
    return 1
  }

  flush(): undefined {
    return undefined
  }

  #records(): StagedRecords {
    const { end, part } = this.#task
    this.#staged ??= new StagedRecords(end, part, this.#job.reports)
    return this.#staged
  }
}
