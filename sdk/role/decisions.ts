/** The decisions of the round that runs now: the recorded ones of an interrupted run, and those made since. */
export interface Decisions {
  /** Reserves the next place of this name in the round: the order of calls tells the places apart. */
  place(name: string): string
  /** What was recorded at this place, if anything; ROLE_JOURNAL_FOREIGN if it's nothing of the kind. */
  recall<Value>(place: string, isValue: (value: unknown) => value is Value): Value | undefined
  /** Makes the value of a place at which nothing was recorded. */
  make<Value>(
    place: string,
    make: () => Value | Promise<Value>,
    isValue: (value: unknown) => value is Value,
  ): Promise<Value>
  /** Records; the promise of `flush` says when it's durable. A later record of the same place supersedes. */
  record(place: string, value: unknown): void
  /** Resolves once all that was recorded is durable. */
  flush(): Promise<void>
}
