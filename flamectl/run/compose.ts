import 'reflect-metadata'
import { container, type DependencyContainer, type InjectionToken } from 'tsyringe'
import { lmdbStore } from '../../runtime/durable/lmdb/index.ts'
import { mongodbStore } from '../../runtime/durable/mongodb/index.ts'
import { type ActorSystem, actorSystem, type Store } from '../../runtime/index.ts'
import type { ModelRegistry } from '../../sdk/index.ts'
import { fileRegistry } from '../../sdk/node/index.ts'
import { jsonReporter } from '../output/json-reporter.ts'
import { lineReporter } from '../output/line-reporter.ts'
import { progressReporter } from '../output/progress-reporter.ts'
import type { Reporter } from '../output/reporter.ts'
import { isMongodb, stateFolder } from '../store-place.ts'
import type { RunOptions } from './run-options.ts'

export const STORE: InjectionToken<Promise<Store>> = Symbol('Store')
export const REGISTRY: InjectionToken<ModelRegistry> = Symbol('ModelRegistry')
export const REPORTER: InjectionToken<Reporter> = Symbol('Reporter')
export const SYSTEM: InjectionToken<ActorSystem> = Symbol('ActorSystem')

/** Which adapter stands behind each port of a run in one process. */
export function compose({ store, models, json }: RunOptions): DependencyContainer {
  const scope = container.createChildContainer()
  scope.register(STORE, {
    useFactory: () => (isMongodb(store) ? mongodbStore(store) : lmdbStore(stateFolder(store))),
  })
  scope.register(REGISTRY, { useFactory: () => fileRegistry(models) })
  scope.register(SYSTEM, { useFactory: () => actorSystem({ name: 'flamectl' }) })
  scope.register(REPORTER, {
    useFactory: () => {
      if (json) return jsonReporter(process.stdout, process.stderr)
      return process.stdout.isTTY ? progressReporter(process.stdout) : lineReporter(process.stdout)
    },
  })
  return scope
}
