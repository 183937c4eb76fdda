import { resolve } from 'node:path'
import {
  type DeployableJob,
  isModelNeeded,
  type JobProcessParts,
  jobOfRun,
  type ModelUploads,
  type PlacedFault,
  type RunOfJob,
} from '../actors/index.ts'
import { CodedError, type Store, systemClock } from '../runtime/index.ts'
import { addressOf, type KeptRounds, keepingRounds, type ModelRegistry, registryPlace } from '../sdk/index.ts'
import { fileRegistry, type ModelSpools, modelSpools } from '../sdk/node/index.ts'

/** Where the models of a server's jobs go. */
export interface ModelsSetting {
  /** Of a job that names no registry: files:FOLDER, mlflow:URL or s3://…, and not memory:, which no process of a job shares. Default: files in the server's folder. */
  readonly registry?: string
  /** Rounds that stay in the registry, of a job that doesn't say. Default: all. */
  readonly keep?: KeptRounds
  /** Longest wait for the registry at the end of a job. Default: 5 minutes. */
  readonly uploadWaitMs?: number
  /** Most models of a job, or of one part of it, in the spool of a registry: then the job waits. Default: any number. */
  readonly spoolModels?: number
  /** Jobs may name the server's registry alone, since they would use the server's credentials elsewhere. */
  readonly isFixed: boolean
}

/** The models of a server's jobs. */
export interface ServerModels {
  /** The registry with the models of a job. */
  registryOf(job: RunOfJob): Promise<ModelRegistry>
  /** The registry to which this process commits the models of a job, and which is there at any time. */
  hostingOf(job: DeployableJob): ModelRegistry
  /** The folder to which another process commits the models of a job. */
  folderOf(job: DeployableJob): ReturnType<JobProcessParts['modelsOf']>
  /** Bytes of a model among the files of this machine. 0 of a model elsewhere. */
  bytesOf(run: string, round: number, part?: string): Promise<number>
  /** Why a job's registry is refused. */
  faultsOf(spec: RunOfJob['spec']): readonly PlacedFault[]
  readonly uploads: ModelUploads
  /** By the address of each registry that may be away: number of models that it doesn't have yet. */
  behind(): Promise<ReadonlyMap<string, number>>
  close(): void
}

export interface ServerModelsParts extends ModelsSetting {
  readonly folder: string
  readonly store: Store
  readonly onTrouble: (job: string, cause: unknown) => void
  /** Hears that a job waits, because the spool has as many of its models as it may have. */
  readonly onFull: (job: string, cause: Error) => void
  readonly onCaughtUp: (job: string) => void
}

const defaultWaitMs = 5 * 60_000

/** Opens the registries of a server, and goes on with uploads that an earlier one left. REGISTRY_ADDRESS. */
export async function serverModels(parts: ServerModelsParts): Promise<ServerModels> {
  const { folder, store, keep: usual, uploadWaitMs: mostWaitMs = defaultWaitMs, registry: given, isFixed } = parts
  const own = given === undefined ? undefined : registryPlace(given)
  const ownAddress = own && 'address' in own ? own.address : undefined
  const files = own?.sort === 'files' ? resolve(own.folder) : resolve(folder, 'models')
  const local = fileRegistry(files)
  const isNeeded = isModelNeeded(store)
  const keepOf = ({ registry }: RunOfJob['spec']) => registry?.keep ?? usual
  const spools: ModelSpools = await modelSpools({
    ...parts,
    folder: resolve(folder, 'spool'),
    environment: process.env,
    clock: systemClock(),
    random: Math.random,
    isNeeded,
    mostModels: parts.spoolModels,
    async keepOf(run) {
      const job = await jobOfRun(store, run)
      return job ? keepOf(job.spec) : usual
    },
  })
  if (ownAddress !== undefined) await spools.at(ownAddress)

  const addressFor = ({ registry }: RunOfJob['spec']) =>
    (registry && addressOf({ sort: registry.sort, uri: registry.uri ?? '' })) ?? ownAddress
  const spoolOf = async ({ spec }: RunOfJob) => {
    const address = addressFor(spec)
    return address === undefined ? undefined : spools.at(address)
  }
  const nothing = { rounds: 0 } as const

  return {
    bytesOf: local.bytesOf,
    registryOf: async (job) => (await spoolOf(job)) ?? local,
    hostingOf(job) {
      const keep = keepOf(job.spec)
      const opened = async () => {
        const spool = await spoolOf(job)
        return spool ? { ...spool, ...spool.here } : keep ? keepingRounds(local, keep, { isNeeded }) : local
      }
      let found: Promise<ModelRegistry> | undefined
      return registryWhen(() => (found ??= opened()))
    },
    async folderOf({ spec, run }) {
      const address = addressFor(spec)
      if (address === undefined) return { models: files, keep: keepOf(spec) }
      await spoolOf({ spec, run })
      return { models: spools.folderOf(address), mostModels: parts.spoolModels }
    },
    faultsOf(spec) {
      const address = addressFor(spec)
      if (address === undefined || address === ownAddress) return []
      const place = 'registry'
      if (isFixed)
        return [
          {
            code: 'JOB_REGISTRY',
            place,
            message: 'the server uses its credentials for its own registry alone',
            hint: 'leave the registry out, or name the one of the server',
          },
        ]
      try {
        registryPlace(address)
        return []
      } catch (cause) {
        if (!(cause instanceof CodedError)) throw cause
        return [{ code: cause.code, place, message: cause.message, hint: cause.hint }]
      }
    },
    uploads: {
      mostWaitMs,
      wake: (job) =>
        void spoolOf(job).then(
          (spool) => spool?.wake(job.run),
          (cause) => parts.onTrouble(job.run, cause),
        ),
      settled: async (job, signal) => (await spoolOf(job))?.settled(job.run, signal) ?? nothing,
      behind: async (job) => (await spoolOf(job))?.behind(job.run) ?? nothing,
    },
    behind: () => spools.behind(),
    close: () => spools.close(),
  }
}

/** A registry that is opened when it is first used. */
function registryWhen(opened: () => Promise<ModelRegistry>): ModelRegistry {
  return {
    commit: async (model) => (await opened()).commit(model),
    latest: async (job, part) => (await opened()).latest(job, part),
    list: async (job, part) => (await opened()).list(job, part),
    parts: async (job) => (await opened()).parts(job),
    load: async (job, round, part) => (await opened()).load(job, round, part),
    open: async (job, round, part) => (await opened()).open(job, round, part),
    describe: async (job, round, part) => (await opened()).describe(job, round, part),
    remove: async (job, round, part) => (await opened()).remove(job, round, part),
  }
}
