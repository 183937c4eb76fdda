import type { Layout } from '../weights/layout.ts'

/** Where a model came from, and how good it is. */
export interface Lineage {
  readonly job: string
  readonly workload: string
  readonly seed: number
  readonly round: number
  readonly metrics: Readonly<Record<string, number>>
  /** Trainers whose updates are in it, sorted. */
  readonly members: readonly string[]
  /** SHA-256 of the weights' little-endian bytes. */
  readonly hash: string
}

export interface ModelToCommit extends Lineage {
  readonly weights: Float32Array
  readonly layout: Layout
  /** The architecture as TensorFlow.js JSON, where there is one. */
  readonly modelTopology?: unknown
}

export interface CommittedModel extends Lineage {
  /** Where a person finds it. */
  readonly location: string
}

/** Keeps the model of each committed round, with its lineage. */
export interface ModelRegistry {
  /**
   * Makes a round's model durable, whole or not at all. The same round with the same hash again changes nothing; with
   * another hash it replaces.
   */
  commit(model: ModelToCommit): Promise<void>
  /** The model of the job's last round, if any. */
  latest(job: string): Promise<CommittedModel | undefined>
  /** All rounds of a job that are there, in order. */
  list(job: string): Promise<readonly number[]>
  /** REGISTRY_UNKNOWN if there is no such round; REGISTRY_DAMAGED if it doesn't agree with its hash. */
  load(job: string, round: number): Promise<CommittedModel & { readonly weights: Float32Array }>
  /** The round without its weights; REGISTRY_UNKNOWN if there is no such round. */
  describe(job: string, round: number): Promise<CommittedModel>
  /** Takes a round away, whole; nothing happens if there is none. */
  remove(job: string, round: number): Promise<void>
}
