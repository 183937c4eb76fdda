import 'reflect-metadata'
import { container, type DependencyContainer, type InjectionToken } from 'tsyringe'
import { keepingRounds, type ModelRegistry } from '../../sdk/index.ts'
import { fileRegistry } from '../../sdk/node/index.ts'
import { progressReporter } from '../output/progress-reporter.ts'
import { lineReporter, programReporter, type Reporter } from '../output/reporter.ts'
import type { RunOptions } from './run-options.ts'

export const REGISTRY: InjectionToken<ModelRegistry> = Symbol('ModelRegistry')
export const REPORTER: InjectionToken<Reporter> = Symbol('Reporter')

/** The composition root of a run: chooses the registry of its models and its reporter. */
export function runRoot({ models, format, keep }: RunOptions): DependencyContainer {
  const scope = container.createChildContainer()
  const registry = fileRegistry(models)
  scope.register(REGISTRY, { useFactory: () => (keep ? keepingRounds(registry, keep) : registry) })
  scope.register(REPORTER, {
    useFactory: () => {
      if (format) return programReporter(format, process.stdout, process.stderr)
      return process.stdout.isTTY ? progressReporter(process.stdout) : lineReporter(process.stdout)
    },
  })
  return scope
}
