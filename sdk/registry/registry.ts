import type { Layout } from '../weights/layout.ts'

/** Where a model came from, and how good it is. */
export interface Lineage {
  readonly job: string
  readonly workload: string
  readonly seed: number
  readonly round: number
  /** Which of several models of the round: the group, or the end, that made it. Absent where a round has one model. */
  readonly part?: string
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
  /** The model of the job's last round, or of the last round of one part, if any. */
  latest(job: string, part?: string): Promise<CommittedModel | undefined>
  /** The rounds of a job, or of one part of it, in order. */
  list(job: string, part?: string): Promise<readonly number[]>
  /** The parts of a job that have models of their own, sorted; none where each round has one model. */
  parts(job: string): Promise<readonly string[]>
  /** REGISTRY_UNKNOWN if there is no such round; REGISTRY_DAMAGED if it doesn't agree with its hash. */
  load(job: string, round: number, part?: string): Promise<CommittedModel & { readonly weights: Float32Array }>
  /** The round without its weights; REGISTRY_UNKNOWN if there is no such round. */
  describe(job: string, round: number, part?: string): Promise<CommittedModel>
  /** Removes a round, whole; nothing happens if there is none. */
  remove(job: string, round: number, part?: string): Promise<void>
}
