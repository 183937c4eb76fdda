import 'reflect-metadata'
import { join } from 'node:path'
import { container, type DependencyContainer, type InjectionToken } from 'tsyringe'
import { systemClock } from '../../runtime/index.ts'
import { keepingRounds, type ModelRegistry, memoryRegistry, type SpooledRegistry } from '../../sdk/index.ts'
import { fileRegistry, modelSpools } from '../../sdk/node/index.ts'
import { progressReporter } from '../output/progress-reporter.ts'
import { lineReporter, programReporter, type Reporter } from '../output/reporter.ts'
import { defaultFolder, isMongodb } from '../state-folder.ts'
import type { RunOptions } from './run-options.ts'

export const MODELS: InjectionToken<Promise<RunModels>> = Symbol('RunModels')
export const REPORTER: InjectionToken<Reporter> = Symbol('Reporter')

/** Where a run's models go. */
export interface RunModels {
  readonly registry: ModelRegistry
  /** The registry is a server, which may be away. */
  readonly uploads?: SpooledRegistry
  close(): void
}

/** The composition root of a run: chooses the registry of its models and its reporter. */
export function runRoot(options: RunOptions): DependencyContainer {
  const scope = container.createChildContainer()
  scope.register(MODELS, { useFactory: () => modelsOf(options) })
  scope.register(REPORTER, {
    useFactory: () => {
      if (options.format) return programReporter(options.format, process.stdout, process.stderr)
      return process.stdout.isTTY ? progressReporter(process.stdout) : lineReporter(process.stdout)
    },
  })
  return scope
}

async function modelsOf({ models, registry: place, keep, store }: RunOptions): Promise<RunModels> {
  const kept = <Registry extends ModelRegistry>(registry: Registry) => (keep ? keepingRounds(registry, keep) : registry)
  if (!place) return { registry: kept(fileRegistry(models)), close() {} }
  switch (place.sort) {
    case 'files':
      return { registry: kept(fileRegistry(place.folder)), close() {} }
    case 'memory':
      return { registry: kept(memoryRegistry()), close() {} }
    default: {
      const spools = await modelSpools({
        folder: join(isMongodb(store) ? defaultFolder : store, 'spool'),
        environment: process.env,
        clock: systemClock(),
        random: Math.random,
        ...(keep && { keepOf: () => keep }),
      })
      const uploads = await spools.at(place.address)
      return { registry: uploads, uploads, close: () => spools.close() }
    }
  }
}
