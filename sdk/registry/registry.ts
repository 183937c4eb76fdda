import { fieldsOf, isCount, isString } from '../../runtime/index.ts'
import type { Layout } from '../weights/layout.ts'

/** Work that an asynchronous round counted: its dispatch, and the version of the weights from which it started. */
export interface CountedWork {
  readonly end: string
  readonly dispatch: number
  readonly version: number
  /** Of an aggregator below: the work that the sum of its buffer counts. */
  readonly buffer?: readonly CountedWork[]
}

/** Whether an untrusted value is a list of counted work. */
export function areCounted(value: unknown): value is readonly CountedWork[] {
  if (!Array.isArray(value)) return false
  return value.map(fieldsOf).every(({ end, dispatch, version, buffer = [] }) => {
    return isString(end) && isCount(dispatch) && isCount(version) && areCounted(buffer)
  })
}

/** A model's origin and quality. */
export interface Lineage {
  readonly job: string
  readonly workload: string
  readonly seed: number
  readonly round: number
  /** Time of the commit as RFC 3339, by the clock of the process that publishes. Absent in models of earlier versions. */
  readonly createdAt?: string
  /**
   * Names the model where a round has several: the group, or the end, that made it. Absent where a round has one model.
   */
  readonly part?: string
  readonly metrics: Readonly<Record<string, number>>
  /** Trainers whose updates the model contains, sorted. */
  readonly members: readonly string[]
  /**
   * In an asynchronous round: the counted work in the order of arrival. Together with the earlier versions, this
   * determines the weights.
   */
  readonly arrivals?: readonly CountedWork[]
  /** Id of the job's design. Absent where a job has none, as in a program. */
  readonly design?: string
  /** The federated algorithm, and its settings. */
  readonly algorithm?: { readonly name: string; readonly settings: Readonly<Record<string, LineageValue>> }
  readonly arithmetic?: Arithmetic
  /** Differential privacy that the job has spent up to this round. Absent where the job spends none. */
  readonly privacy?: { readonly epsilon: number; readonly delta: number }
  /**
   * For a joint model of several parties, by end: the hash of the part that the end has trained with this one, and that it
   * publishes itself.
   */
  readonly digests?: Readonly<Record<string, string>>
  /** SHA-256 of the weights' little-endian bytes. */
  readonly hash: string
}

export type LineageValue = string | number | boolean

export function isLineageValue(value: unknown): value is LineageValue {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
}

/** How the numbers of a model came about. */
export interface Arithmetic {
  /** By the name of each summed vector: the bits of the quantum of its sums, 2^−bits. */
  readonly quantumBits: Readonly<Record<string, number>>
  /** What trained the clients, such as `engine` or a backend of TensorFlow.js. Absent where the learner doesn't say. */
  readonly engine?: string
  /** How products were summed: `plain`, or `fused` (fused multiply-add). Absent where the learner doesn't say. */
  readonly products?: 'plain' | 'fused'
}

export interface ModelToCommit extends Lineage {
  readonly weights: Float32Array
  readonly layout: Layout
  /** The architecture as TensorFlow.js JSON, if there is one. */
  readonly modelTopology?: unknown
}

export interface CommittedModel extends Lineage {
  /** The model's location, for people. Has no credentials. */
  readonly location: string
}

export type LoadedModel = CommittedModel & ModelToCommit

/** A round whose weights are read piece by piece, so that they need not be in memory. */
export interface OpenedModel extends CommittedModel, Pick<ModelToCommit, 'layout' | 'modelTopology'> {
  /**
   * The little-endian bytes of the weights, whose hash the reader checks. REGISTRY_DAMAGED, at the latest at their end,
   * if there are more or fewer than the layout says.
   */
  readonly weightsBytes: () => AsyncIterable<Uint8Array>
}

/**
 * Keeps the model of each committed round, with its lineage. Adapters throw the errors of the table in `errors.ts`, with
 * the location, and without credentials: REGISTRY_LOST where nothing answers, or the answer is cut, late, or a fault of
 * the server; REGISTRY_CREDENTIALS; REGISTRY_MISSING for a bucket or an experiment; REGISTRY_FULL; REGISTRY_CLOCK;
 * REGISTRY_REFUSED for another refusal. `registryAgain` says whether another try may help.
 */
export interface ModelRegistry {
  /**
   * Makes a round's model durable, whole or not at all: a commit that was interrupted leaves nothing that `list` or
   * `load` finds, and the next commit of the round repairs whatever is left. A round with the same hash stays as it is;
   * a round with another hash is replaced.
   */
  commit(model: ModelToCommit): Promise<void>
  /** The model of the job's last round, or of the last round of one part, if any. */
  latest(job: string, part?: string): Promise<CommittedModel | undefined>
  /** The rounds of a job, or of one part of it, in order. */
  list(job: string, part?: string): Promise<readonly number[]>
  /** The parts of a job that have their own models, sorted. Empty where each round has one model. */
  parts(job: string): Promise<readonly string[]>
  /**
   * Loads a round. REGISTRY_UNKNOWN if the round doesn't exist; REGISTRY_DAMAGED if the weights don't match their hash.
   */
  load(job: string, round: number, part?: string): Promise<LoadedModel>
  /** Opens a round without reading its weights. REGISTRY_UNKNOWN if the round doesn't exist; REGISTRY_DAMAGED. */
  open(job: string, round: number, part?: string): Promise<OpenedModel>
  /** The round without its weights. REGISTRY_UNKNOWN if the round doesn't exist. */
  describe(job: string, round: number, part?: string): Promise<CommittedModel>
  /** Removes a whole round. Does nothing if the round doesn't exist. */
  remove(job: string, round: number, part?: string): Promise<void>
}

/** A registry that also lists its jobs, so that uploads from it go on after the end of a process. */
export interface Spool extends ModelRegistry {
  /** The jobs that have models, sorted. */
  jobs(): Promise<readonly string[]>
}
