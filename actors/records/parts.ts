import type { Store } from '../../runtime/index.ts'
import type { Behind, Layout, Lineage, ModelRegistry, Schema } from '../../sdk/index.ts'
import type { PlacedFault } from '../model/errors.ts'
import type { JobSpecification } from '../model/job.ts'
import type { Quotas } from '../model/quotas.ts'
import type { Broker, ModelRegistrySetting } from '../model/task.ts'
import type { Holdings } from './holdings.ts'
import type { BaseModelRecord } from './record-models.ts'

/** Dependencies and settings of the catalogue. */
export interface CatalogueParts {
  readonly store: Store
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  /** A new id at each call. Ids need no escaping in addresses, and sort in the order of the calls. */
  readonly newId: () => string
  /** A fresh secret of 32 characters at each call. */
  readonly newKey: () => string
  readonly archiveLimits?: ArchiveLimits
  /** Most tasks of a job. Default: 100,000. */
  readonly mostTasks?: number
  /** Tasks that are written or removed together. Default: 250. */
  readonly batch?: number
  /** This server's id. */
  readonly server?: string
  /** Whether other servers may share the store; work of living servers is left alone. Default: false. */
  readonly shared?: boolean
  readonly workers?: WorkerSettings
  /** Moves models to registries that may be away. Absent: models are where they belong once their rounds are committed. */
  readonly uploads?: ModelUploads
  /** The registry with the models of a job. Absent: this server keeps no models. */
  readonly registryOf?: (job: RunOfJob) => Promise<ModelRegistry>
  /** Answers with the bytes of the model that a round of a run has committed. Default: models aren't counted. */
  readonly modelBytes?: (run: string, round: number, part?: string) => Promise<number>
  /** Finds the model with which a job begins whose tasks belong on these computes. Default: none. */
  readonly baseModelOf?: (
    user: string,
    spec: JobSpecification,
    tasks: readonly { readonly computeId: string }[],
  ) => Promise<BaseModelRecord | undefined>
  /** Why the registry that a job names is refused. Default: none is. */
  readonly registryFaults?: (spec: RunOfJob['spec']) => readonly PlacedFault[]
  /** Limits for each user. Default: none. */
  readonly quotas?: Quotas
  /** Counts bytes of users that grow without a request. Default: they aren't counted. */
  readonly held?: Holdings
  /**
   * Trusted administrators, where callers need a token. Default: callers need none, and any compute may run any task.
   */
  readonly computeAdmins?: TrustedAdmins
  /** Finds the faults of a job that the deployer of tasks on these computes can't run. Default: no faults. */
  readonly runFaults?: (
    spec: JobSpecification,
    schema: Schema,
    tasks: readonly { readonly computeId: string }[],
  ) => readonly PlacedFault[]
}

/** Limits on the content of a code archive. */
export interface ArchiveLimits {
  /** Bytes of all files together, unpacked. */
  readonly unpackedBytes: number
  readonly files: number
  /** Unpacked bytes per packed byte, of the whole archive. */
  readonly ratio: number
}

/**
 * Administrators whose computes may run every user's tasks. Undefined where callers need no token: then the server
 * can't tell administrators apart, and any compute may run any task.
 */
export type TrustedAdmins = readonly string[] | undefined

/** The server owner's settings for flamelets: where they find each other, and where models go. */
export interface WorkerSettings {
  /** Default: none. */
  readonly brokers?: readonly Broker[]
  /** Default: none is kept. */
  readonly registry?: ModelRegistrySetting
  /** Image of the container that a compute's deployer starts for each flamelet. Default: the deployer chooses. */
  readonly image?: string
}

/** The models of runs on their way to the registries where they belong. */
export interface ModelUploads {
  /** A round of the job was committed. */
  wake(job: RunOfJob): void
  /** Resolves when the registry has all models of the job, or with what is missing when the signal is aborted. */
  settled(job: RunOfJob, signal: AbortSignal): Promise<Behind>
  /** How many models the registry doesn't have at present. */
  behind(job: RunOfJob): Promise<Behind>
  /** Longest wait for the registry at the end of a job. */
  readonly mostWaitMs: number
}

/** The models with which jobs begin. */
export interface BaseModels {
  /** Finds the model that a user's job names, if it names one. Rejects with a coded error if the model isn't there. */
  find(user: string, spec: JobSpecification): Promise<BaseModelRecord | undefined>
  /** Its weights in a layout. REGISTRY_CHANGED, WEIGHTS_MISMATCH, and the errors of registries and files. */
  weights(base: BaseModelRecord, layout: Layout): Promise<Float32Array>
  /** Whether a job that hasn't ended begins with this round of a run. */
  isNeeded(model: Pick<Lineage, 'job' | 'round' | 'part'>): Promise<boolean>
}

/** A run, and what its job says of the registry of its models. */
export interface RunOfJob {
  readonly run: string
  readonly spec: Pick<JobSpecification, 'registry'>
}
