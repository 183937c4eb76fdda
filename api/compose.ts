import 'reflect-metadata'
import { container, type DependencyContainer, type InjectionToken } from 'tsyringe'
import { type CatalogueParts, newIdAt, newTaskKey } from '../actors/index.ts'
import { lmdbStore } from '../runtime/durable/lmdb/index.ts'
import { mongodbStore } from '../runtime/durable/mongodb/index.ts'
import { type ActorSystem, actorSystem, memoryStore, type Store } from '../runtime/index.ts'
import type { StoreSetting } from './store-setting.ts'

export const STORE: InjectionToken<Promise<Store>> = Symbol('Store')
export const SYSTEM: InjectionToken<ActorSystem> = Symbol('ActorSystem')
export const IDENTITY: InjectionToken<Omit<CatalogueParts, 'store'>> = Symbol('Identity')

/** Which adapter stands behind each port of the control plane. */
export function compose(setting: StoreSetting): DependencyContainer {
  const scope = container.createChildContainer()
  scope.register(STORE, { useFactory: () => openStore(setting) })
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
