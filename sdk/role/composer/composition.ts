import { roleError } from '../errors.ts'

/** A named step: from a state to the next one, in a context. */
export interface Tasklet<State, Context> {
  readonly alias: string
  readonly step: (state: State, context: Context) => State | Promise<State>
}

/** Steps in sequence; a loop is a step of steps. */
interface Loop<State, Context> {
  readonly body: Composition<State, Context>
  /** Looked at after each pass. */
  readonly until: (state: State, context: Context) => boolean
}

type Part<State, Context> = Tasklet<State, Context> | Loop<State, Context>

/**
 * A sequence of named tasklets, some of them in loops, on which surgery can be done by alias: so a topology's role can be
 * made from another's. Each call gives a new composition and leaves the old one as it is.
 */
export class Composition<State, Context> {
  readonly #parts: readonly Part<State, Context>[]

  constructor(parts: readonly Part<State, Context>[] = []) {
    this.#parts = parts
    const aliases = this.aliases()
    for (const [index, alias] of aliases.entries()) {
      if (aliases.indexOf(alias) !== index) throw roleError('COMPOSER_ALIAS_TAKEN', { alias })
    }
  }

  /** Every alias, in the order of the steps. */
  aliases(): readonly string[] {
    return this.#parts.flatMap((part) => ('body' in part ? part.body.aliases() : [part.alias]))
  }

  /** Appends a step. COMPOSER_ALIAS_TAKEN if its alias is there already. */
  step(alias: string, step: Tasklet<State, Context>['step']): Composition<State, Context> {
    return new Composition([...this.#parts, { alias, step }])
  }

  /** Appends a loop, whose body runs at least once and until the end condition holds. */
  loop(until: Loop<State, Context>['until'], body: Composition<State, Context>): Composition<State, Context> {
    return new Composition([...this.#parts, { body, until }])
  }

  /** The step of an alias. COMPOSER_ALIAS_UNKNOWN if there is none; so for all that name one. */
  get(alias: string): Tasklet<State, Context> {
    for (const part of this.#parts) {
      if (!('body' in part)) {
        if (part.alias === alias) return part
      } else if (part.body.aliases().includes(alias)) return part.body.get(alias)
    }
    throw this.#unknown(alias)
  }

  insertBefore(alias: string, tasklet: Tasklet<State, Context>): Composition<State, Context> {
    return this.#edit(alias, (found) => [tasklet, found])
  }

  insertAfter(alias: string, tasklet: Tasklet<State, Context>): Composition<State, Context> {
    return this.#edit(alias, (found) => [found, tasklet])
  }

  replace(alias: string, tasklet: Tasklet<State, Context>): Composition<State, Context> {
    return this.#edit(alias, () => [tasklet])
  }

  remove(alias: string): Composition<State, Context> {
    return this.#edit(alias, () => [])
  }

  /** Runs the steps in order. This is a role's `round`. */
  async run(state: State, context: Context): Promise<State> {
    let current = state
    for (const part of this.#parts) {
      if ('body' in part) {
        do current = await part.body.run(current, context)
        while (!part.until(current, context))
      } else current = await part.step(current, context)
    }
    return current
  }

  #edit(
    alias: string,
    edit: (found: Tasklet<State, Context>) => readonly Tasklet<State, Context>[],
  ): Composition<State, Context> {
    if (!this.aliases().includes(alias)) throw this.#unknown(alias)
    return new Composition(
      this.#parts.flatMap((part): readonly Part<State, Context>[] => {
        if (!('body' in part)) return part.alias === alias ? edit(part) : [part]
        return part.body.aliases().includes(alias) ? [{ ...part, body: part.body.#edit(alias, edit) }] : [part]
      }),
    )
  }

  #unknown(alias: string): Error {
    return roleError('COMPOSER_ALIAS_UNKNOWN', { alias, known: this.aliases().join(', ') })
  }
}

/** An empty composition, to be continued with `step` and `loop`. */
export function compose<State, Context>(): Composition<State, Context> {
  return new Composition<State, Context>()
}
