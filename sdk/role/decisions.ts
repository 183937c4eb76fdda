/** The place of a decision. `earlier`: the number of earlier decisions of the same name in the round. */
export function placeOf(name: string, earlier: number): string {
  return `${name}#${earlier}`
}

/** The decisions of the round in progress: those recorded by an interrupted run, and those made since. */
export interface Decisions {
  /** Names the next decision of this name in the round. Its place is the name and the number of earlier calls with the name. */
  place(name: string): string
  /** The value recorded at a place, if any. ROLE_JOURNAL_FOREIGN if the value is of another type. */
  recall<Value>(place: string, isValue: (value: unknown) => value is Value): Value | undefined
  /** Makes the value for a place without a record: at once, or by a promise. */
  make<Value>(
    place: string,
    make: () => Value | Promise<Value>,
    isValue: (value: unknown) => value is Value,
  ): Value | Promise<Value>
  /** Records a value, which is durable when `flush` resolves. A later record of the same place replaces the value. */
  record(place: string, value: unknown): void
  /** As `RoleContext.life`. */
  life(): Promise<number>
  /** Resolves once all records are durable. Undefined where records aren't kept. */
  flush(): Promise<void> | undefined
}
