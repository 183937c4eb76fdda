/** A possible state of a thing: absent, or with a number of parts. A design has no parts. */
export type Finding = 'absent' | number

/**
 * The possible states of each thing, by its path, from the answers to clients. An acknowledged change leaves one
 * possible state; a change whose answer was lost leaves two, until a client looks.
 */
export class Ledger {
  readonly #possible = new Map<string, ReadonlySet<Finding>>()

  get paths(): string[] {
    return [...this.#possible.keys()]
  }

  /** Notes a requested change: from now on its result is a possible state, too. */
  asked(path: string, becomes: Finding): void {
    const before = this.#possible.get(path) ?? new Set<Finding>(['absent'])
    this.#possible.set(path, new Set([...before, becomes]))
  }

  acknowledged(path: string, becomes: Finding): void {
    this.#possible.set(path, new Set([becomes]))
  }

  /**
   * Compares a found state with the possible ones, and answers with the fault, if any. The found state is then the only
   * possible one.
   */
  found(path: string, finding: Finding): string | undefined {
    const possible = this.#possible.get(path) ?? new Set<Finding>(['absent'])
    if (!possible.has(finding)) return `${path} is ${finding}, and not ${[...possible].join(' or ')}`
    this.acknowledged(path, finding)
    return undefined
  }
}
