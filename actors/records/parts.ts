import type { Store } from '../../runtime/index.ts'
import type { Schema } from '../../sdk/index.ts'
import type { PlacedFault } from '../model/errors.ts'
import type { JobSpecification } from '../model/job.ts'
import type { Quotas } from '../model/quotas.ts'
import type { Broker, ModelRegistrySetting } from '../model/task.ts'
import type { Holdings } from './holdings.ts'

/** What the catalogue takes from outside. */
export interface CatalogueParts {
  readonly store: Store
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  /** A new id at each call: one that can stand in an address, and sorts after earlier ones. */
  readonly newId: () => string
  /** A fresh secret of 32 characters at each call. */
  readonly newKey: () => string
  readonly archiveLimits?: ArchiveLimits
  /** Tasks that a job may have: each is a document. Default: 100,000. */
  readonly mostTasks?: number
  /** Tasks that are written, or removed, together. Default: 250. */
  readonly batch?: number
  /** This server's id. */
  readonly server?: string
  /** Other servers may share the store: what they have under way is left alone as long as they live. Default false. */
  readonly shared?: boolean
  readonly workers?: WorkerSettings
  /** What each user may have. Default: any number of everything. */
  readonly quotas?: Quotas
  /** Bytes of users that grow without a request. Default: none are counted. */
  readonly held?: Holdings
  /** Where callers are asked for a token: whose computes may run everybody's tasks. Default: nobody is asked, any compute may. */
  readonly computeAdmins?: TrustedAdmins
  /** Faults of a job that can't be run where tasks on these computes would be. Default: none. */
  readonly runFaults?: (
    spec: JobSpecification,
    schema: Schema,
    tasks: readonly { readonly computeId: string }[],
  ) => readonly PlacedFault[]
}

/** What a code archive may hold. */
export interface ArchiveLimits {
  /** Of all files together, unpacked. */
  readonly unpackedBytes: number
  readonly files: number
  /** Unpacked bytes a packed byte, of the whole archive. */
  readonly ratio: number
}

/**
 * Administrators whose computes may run everybody's tasks, where callers are asked for a token. Undefined where nobody is
 * asked: then there is nobody to tell one administrator from another, and any compute may run any task.
 */
export type TrustedAdmins = readonly string[] | undefined

/** What the server's owner says of where flamelets' workers find each other and put their models. */
export interface WorkerSettings {
  /** Default: none. */
  readonly brokers?: readonly Broker[]
  /** Default: none is kept. */
  readonly registry?: ModelRegistrySetting
  /** Of the container that a compute's deployer is to start for each flamelet. Default: the deployer knows. */
  readonly image?: string
}
