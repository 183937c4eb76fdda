import { roleError } from '../role/errors.ts'
import type { OwnState } from '../role/role.ts'

/** A role's own state before and after the last round for which it was kept. */
export interface OwnGenerations {
  readonly round: number
  readonly before: unknown
  readonly after: unknown
  /** The round started anew, since the state after the last counted round was lost. */
  readonly isAnew?: true
}

/** Where a role's own state lies. */
export interface OwnPlace {
  load(): OwnGenerations | undefined | Promise<OwnGenerations | undefined>
  save(own: OwnGenerations): Promise<void>
}

/** The own state of a role, in two generations that lie in a place. */
export function ownStateOf(end: string, place: OwnPlace): OwnState {
  return new KeptOwnState(end, place)
}

class KeptOwnState implements OwnState {
  readonly #end: string
  readonly #place: OwnPlace
  /** The state that the work in progress started from. */
  #start: unknown
  #isAnew = false

  constructor(end: string, place: OwnPlace) {
    this.#end = end
    this.#place = place
  }

  get isAnew(): boolean {
    return this.#isAnew
  }

  async before(round: number, counted?: number): Promise<unknown> {
    const own = await this.#place.load()
    if (own !== undefined && own.round > round)
      throw roleError('ROLE_ROUND_OVER', { round, end: this.#end, kept: own.round })
    this.#isAnew = own?.round === round ? own.isAnew === true : counted !== undefined && (own?.round ?? 0) < counted
    const isFinal = own !== undefined && own.round !== round && counted !== undefined && counted >= own.round
    this.#start = this.#isAnew ? undefined : isFinal ? own.after : own?.before
    return this.#start
  }

  keep(round: number, after: unknown): Promise<void> {
    return this.#place.save({ round, before: this.#start, after, ...(this.#isAnew && { isAnew: true }) })
  }
}
