/** How a thing may be found: not there, or with so many parts; a design has none. */
export type Finding = 'absent' | number

/**
 * What clients were told, or not: for each thing, by its path, how it may be found. A change that was acknowledged leaves one
 * way; one whose answer was lost leaves two, until somebody looks.
 */
export class Ledger {
  readonly #possible = new Map<string, ReadonlySet<Finding>>()

  get paths(): string[] {
    return [...this.#possible.keys()]
  }

  /** A change is asked for: from now on the thing may be found so, too. */
  asked(path: string, becomes: Finding): void {
    const before = this.#possible.get(path) ?? new Set<Finding>(['absent'])
    this.#possible.set(path, new Set([...before, becomes]))
  }

  acknowledged(path: string, becomes: Finding): void {
    this.#possible.set(path, new Set([becomes]))
  }

  /** Somebody has looked: what is wrong with it, if anything. Whatever was found stays. */
  found(path: string, finding: Finding): string | undefined {
    const possible = this.#possible.get(path) ?? new Set<Finding>(['absent'])
    if (!possible.has(finding)) return `${path} is ${finding}, and not ${[...possible].join(' or ')}`
    this.acknowledged(path, finding)
    return undefined
  }
}
