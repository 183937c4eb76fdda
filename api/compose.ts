import 'reflect-metadata'
import { container, type DependencyContainer, type InjectionToken } from 'tsyringe'
import { type CatalogueParts, newIdAt, newTaskKey } from '../actors/index.ts'
import { lmdbStore } from '../runtime/durable/lmdb/index.ts'
import { type ActorSystem, actorSystem, memoryStore, type Store } from '../runtime/index.ts'

export const STORE: InjectionToken<Promise<Store>> = Symbol('Store')
export const SYSTEM: InjectionToken<ActorSystem> = Symbol('ActorSystem')
export const IDENTITY: InjectionToken<Omit<CatalogueParts, 'store'>> = Symbol('Identity')

/** Where the control plane keeps its state: in memory, as long as the process, or in a folder. */
export type StoreSetting = { readonly type: 'memory' } | { readonly type: 'lmdb'; readonly folder: string }

/** Which adapter stands behind each port of the control plane. */
export function compose(setting: StoreSetting): DependencyContainer {
  const scope = container.createChildContainer()
  scope.register(STORE, {
    useFactory: async () => (setting.type === 'memory' ? memoryStore() : lmdbStore(setting.folder)),
  })
  scope.register(SYSTEM, { useFactory: () => actorSystem({ name: 'control-plane' }) })
  scope.register(IDENTITY, {
    useFactory: () => ({
      now: () => new Date().toISOString(),
      newId: () => newIdAt(Date.now()),
      newKey: newTaskKey,
    }),
  })
  return scope
}
