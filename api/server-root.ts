import { defaultCompute } from '../sdk/index.ts'
import 'reflect-metadata'
import { availableParallelism, hostname } from 'node:os'
import { resolve } from 'node:path'
import { container, type DependencyContainer, type InjectionToken } from 'tsyringe'
import {
  archivedWorkloads,
  archiveLimitsOf,
  type BaseModels,
  type ControlPlaneParts,
  type Deployer,
  type JobProcessParts,
  jobProcessDeployer,
  newIdAt,
  newTaskKey,
} from '../actors/index.ts'
import {
  type ActorSystem,
  actorSystem,
  memoryStore,
  nextIncarnation,
  type Store,
  type StoreWatch,
  systemClock,
  watchedStore,
} from '../runtime/index.ts'

export const STORE: InjectionToken<Promise<Store>> = Symbol('Store')
export const SYSTEM: InjectionToken<Promise<ActorSystem>> = Symbol('ActorSystem')
export const IDENTITY: InjectionToken<Identity> = Symbol('Identity')
export const CHOOSE_DEPLOYER: InjectionToken<Promise<ControlPlaneParts['chooseDeployer']>> = Symbol('ChooseDeployer')

type Identity = Pick<ControlPlaneParts, 'now' | 'newId' | 'newKey' | 'server' | 'serverName' | 'shared'>

/** Jobs run on the server's machine, the code of each in a process of its own. */
export interface InProcessSetting {
  /** Where models go, and the code of jobs is unpacked. */
  readonly folder: string
  /** Threads that train, for each job. 0: the main thread. Default: one a core, at most 8. */
  readonly workers?: number
  /** Jobs that run at once. Default: as many as there are cores. */
  readonly slots?: number
  /** Their processes have the least rights that Node gives, and read these folders besides. Default: the server's rights. */
  readonly confined?: { readonly reads: readonly string[] }
}

/** Jobs whose datasets lie with joined flamelets run there. */
export interface SitesSetting {
  /** Where models go, and the code of jobs is unpacked. */
  readonly folder: string
  /**
   * Tasks without data run on the server's machine, each in a process of its own, with the least rights that Node gives
   * and these folders to read, or with the rights of this account (`all`). Absent: they run on flamelets, too.
   */
  readonly own?: {
    readonly reads: readonly string[] | 'all'
    /** Paths of datasets, by the names by which workloads ask for them. */
    readonly paths?: Readonly<Record<string, string>>
  }
}

export interface Setting {
  readonly store: StoreSetting
  /** Absent: joined flamelets get no tasks. */
  readonly sites?: SitesSetting | undefined
  /** How jobs run in this process: by a setting, or by a deployer that the caller makes. Absent: no job does. */
  readonly inProcess?: InProcessSetting | ((store: Store, baseModels: BaseModels) => Deployer) | undefined
  /** Of the largest archive of code; unpacked it may have ten times as many. Default: 10 MiB. */
  readonly archiveBytes?: number | undefined
  /** Whether this server goes on with a job that another process left under way. Default: with any. */
  readonly goesOnWith?: ControlPlaneParts['goesOnWith'] | undefined
}

/** Which adapter stands behind each port of the control plane. */
export function serverRoot({
  store: setting,
  inProcess,
  archiveBytes,
  onTrouble,
  onWell,
  modelsOf,
  baseModelsOn,
  kills,
}: Pick<Setting, 'store' | 'inProcess'> &
  Required<Pick<JobProcessParts, 'modelsOf' | 'kills'>> & {
    readonly archiveBytes: number
    readonly baseModelsOn: (store: Store) => BaseModels
  } & Pick<StoreWatch, 'onTrouble' | 'onWell'>): DependencyContainer {
  const scope = container.createChildContainer()
  const watch = { clock: systemClock(), onTrouble, onWell }
  scope.registerInstance(
    STORE,
    openStore(setting).then((store) => watchedStore(store, watch)),
  )
  scope.register(SYSTEM, {
    useFactory: async (within) => {
      const incarnation = await nextIncarnation(await within.resolve(STORE), 'link/incarnation', Date.now())
      return actorSystem({ name: 'control-plane', incarnation })
    },
  })
  scope.register(IDENTITY, {
    useFactory: () => ({
      now: () => new Date().toISOString(),
      newId: () => newIdAt(Date.now()),
      newKey: newTaskKey,
      server: newIdAt(Date.now()),
      serverName: `${hostname()}/${process.pid}`,
      // A folder has one process at a time.
      shared: setting.type === 'mongodb',
    }),
  })
  scope.register(CHOOSE_DEPLOYER, {
    useFactory: async (within): Promise<ControlPlaneParts['chooseDeployer']> => {
      const store = await within.resolve(STORE)
      const baseModels = baseModelsOn(store)
      const here =
        typeof inProcess === 'function'
          ? inProcess(store, baseModels)
          : inProcess && inProcessOn(store, inProcess, { archiveBytes, modelsOf, baseModels, kills })
      return ({ tasks }, flamelets, joined) => {
        const computes = [...new Set(tasks.map(({ computeId }) => computeId))]
        const isJoined = (id: string) => joined?.serves(id) === true
        if (joined && computes.some(isJoined) && computes.every((id) => id === defaultCompute || isJoined(id)))
          return joined.deployer
        return here && computes.every((id) => id === defaultCompute) ? here : flamelets
      }
    },
  })
  return scope
}

function inProcessOn(
  store: Store,
  { folder, workers, slots, confined }: InProcessSetting,
  {
    archiveBytes,
    ...parts
  }: Required<Pick<JobProcessParts, 'modelsOf' | 'baseModels' | 'kills'>> & { readonly archiveBytes: number },
): Deployer {
  const cores = availableParallelism()
  const code = resolve(folder, 'code')
  return jobProcessDeployer({
    store,
    ...parts,
    bundleOf: archivedWorkloads({ store, folder: code, limits: archiveLimitsOf(archiveBytes) }).bundleOf,
    workers: workers ?? Math.min(8, cores),
    slots: slots ?? cores,
    ...(confined ? { confined } : {}),
  })
}

async function openStore(setting: StoreSetting): Promise<Store> {
  switch (setting.type) {
    case 'own':
      return setting.open()
    case 'memory':
      return memoryStore()
    // Loaded when they are needed: a server has one of them, and their drivers take a while.
    case 'lmdb': {
      const { lmdbStore } = await import('../runtime/durable/lmdb/index.ts')
      return lmdbStore(setting.folder)
    }
    case 'mongodb': {
      const { mongodbStore } = await import('../runtime/durable/mongodb/index.ts')
      return mongodbStore(setting.url)
    }
  }
}

/** Where the control plane keeps its state: in memory, as long as the process; in a folder; in a database of MongoDB. */
export type StoreSetting =
  | { readonly type: 'memory' }
  | { readonly type: 'lmdb'; readonly folder: string }
  | { readonly type: 'mongodb'; readonly url: string }
  /** Any other that fulfils the port; the server closes it. */
  | { readonly type: 'own'; readonly open: () => Promise<Store> }

/** The store that a person names: by `mongodb://…`, or by a folder. */
export function storeSetting(place: string): StoreSetting {
  return /^mongodb(\+srv)?:/.test(place) ? { type: 'mongodb', url: place } : { type: 'lmdb', folder: place }
}
