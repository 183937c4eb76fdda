/** Labelled examples that are read one at a time, so that a set can stay in bytes, or on disk, until the batch. */
export interface Examples {
  readonly count: number
  /** Shape of one example's features, such as [28, 28, 1]. */
  readonly shape: readonly number[]
  /** Writes the features of example `index` into `out` from `offset` on. */
  read(index: number, out: Float32Array, offset: number): void
  /** A class from 0, or a target value. */
  label(index: number): number
  /** Where features are bytes, the bytes themselves: whoever reads many divides them faster, to the same values. */
  readonly bytes?: ByteFeatures | undefined
}

export interface ByteFeatures {
  /** What each byte is divided by. */
  readonly divisor: number
  copy(index: number, out: Uint8Array, offset: number): void
}

/** What a job trains on: each client's own examples, and held-out ones to evaluate on. */
export interface FederatedData {
  readonly clients: number
  client(index: number): Examples
  readonly test: Examples
}
