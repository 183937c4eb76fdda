import 'reflect-metadata'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { container, type DependencyContainer, type InjectionToken } from 'tsyringe'
import {
  archivedWorkloads,
  type ControlPlaneParts,
  type Deployer,
  inProcessDeployer,
  newIdAt,
  newTaskKey,
} from '../actors/index.ts'
import { lmdbStore } from '../runtime/durable/lmdb/index.ts'
import { mongodbStore } from '../runtime/durable/mongodb/index.ts'
import { type ActorSystem, actorSystem, memoryStore, type Store } from '../runtime/index.ts'
import { fileRegistry } from '../sdk/node/index.ts'
import type { StoreSetting } from './store-setting.ts'

export const STORE: InjectionToken<Promise<Store>> = Symbol('Store')
export const SYSTEM: InjectionToken<ActorSystem> = Symbol('ActorSystem')
export const IDENTITY: InjectionToken<Identity> = Symbol('Identity')
export const CHOOSE_DEPLOYER: InjectionToken<Promise<ControlPlaneParts['chooseDeployer']>> = Symbol('ChooseDeployer')

export type Identity = Pick<ControlPlaneParts, 'now' | 'newId' | 'newKey' | 'server' | 'shared'>

/** Jobs run in the server's own process, their code too: for one's own machine and one's own code. */
export interface InProcessSetting {
  /** Where models go, and the code of jobs is unpacked. */
  readonly folder: string
  /** Threads that train, for each job. 0: the main thread. Default: one a core, at most 8. */
  readonly workers?: number
  /** Jobs that run at once. Default: as many as there are cores. */
  readonly places?: number
}

export interface Setting {
  readonly store: StoreSetting
  /** Absent: no job runs in this process. */
  readonly inProcess?: InProcessSetting | undefined
}

/** Which adapter stands behind each port of the control plane. */
export function compose({ store: setting, inProcess }: Setting): DependencyContainer {
  const scope = container.createChildContainer()
  scope.registerInstance(STORE, openStore(setting))
  scope.register(SYSTEM, { useFactory: () => actorSystem({ name: 'control-plane' }) })
  scope.register(IDENTITY, {
    useFactory: () => ({
      now: () => new Date().toISOString(),
      newId: () => newIdAt(Date.now()),
      newKey: newTaskKey,
      server: newIdAt(Date.now()),
      // A folder has one process at a time.
      shared: setting.type === 'mongodb',
    }),
  })
  scope.register(CHOOSE_DEPLOYER, {
    useFactory: async (within): Promise<ControlPlaneParts['chooseDeployer']> => {
      const here = inProcess && inProcessOn(await within.resolve(STORE), inProcess)
      return ({ tasks }, agents) => (here && tasks.every(({ computeId }) => computeId === 'default') ? here : agents)
    },
  })
  return scope
}

function inProcessOn(store: Store, { folder, workers, places }: InProcessSetting): Deployer {
  const cores = availableParallelism()
  return inProcessDeployer({
    store,
    registry: fileRegistry(join(folder, 'models')),
    source: archivedWorkloads({ store, folder: join(folder, 'code') }),
    workers: workers ?? Math.min(8, cores),
    places: places ?? cores,
  })
}

async function openStore(setting: StoreSetting): Promise<Store> {
  switch (setting.type) {
    case 'memory':
      return memoryStore()
    case 'lmdb':
      return lmdbStore(setting.folder)
    case 'mongodb':
      return mongodbStore(setting.url)
  }
}
