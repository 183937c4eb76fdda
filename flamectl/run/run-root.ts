import 'reflect-metadata'
import { join } from 'node:path'
import { container, type DependencyContainer, type InjectionToken } from 'tsyringe'
import { CodedError, systemClock } from '../../runtime/index.ts'
import {
  keepingRounds,
  type ModelRegistry,
  memoryRegistry,
  type Notice,
  type RetentionOptions,
  type SpooledRegistry,
} from '../../sdk/index.ts'
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
  /** Says whether a job that hasn't ended begins with a model, once the jobs are known. */
  needBy(isNeeded: NonNullable<RetentionOptions['isNeeded']>): void
  /** Hears why models wait, and that they don't any more. */
  hear(listener: (notice: Notice) => void): void
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

async function modelsOf({ models, registry: place, keep, store, spoolModels }: RunOptions): Promise<RunModels> {
  let needed: NonNullable<RetentionOptions['isNeeded']> = () => false
  const isNeeded: typeof needed = (model) => needed(model)
  const needBy: RunModels['needBy'] = (given) => {
    needed = given
  }
  const kept = (registry: ModelRegistry): RunModels => ({
    registry: keep ? keepingRounds(registry, keep, { isNeeded }) : registry,
    needBy,
    hear() {},
    close() {},
  })
  if (!place) return kept(fileRegistry(models))
  switch (place.sort) {
    case 'files':
      return kept(fileRegistry(place.folder))
    case 'memory':
      return kept(memoryRegistry())
    default: {
      const early: Notice[] = []
      let tell = (notice: Notice): void => void early.push(notice)
      const spools = await modelSpools({
        folder: join(isMongodb(store) ? defaultFolder : store, 'spool'),
        environment: process.env,
        clock: systemClock(),
        random: Math.random,
        isNeeded,
        mostModels: spoolModels,
        onTrouble: (_job, cause) => tell(noticeOf(cause)),
        onFull: (_job, cause) => tell(noticeOf(cause)),
        onCaughtUp: () => tell({ code: 'REGISTRY_BACK', message: 'models are uploaded to their registry again' }),
        ...(keep && { keepOf: () => keep }),
      })
      const uploads = await spools.at(place.address)
      const hear: RunModels['hear'] = (listener) => {
        tell = listener
        for (const notice of early.splice(0)) listener(notice)
      }
      return { registry: uploads, uploads, needBy, hear, close: () => spools.close() }
    }
  }
}

function noticeOf(cause: unknown): Notice {
  if (cause instanceof CodedError) return { code: cause.code, message: `${cause.message}; ${cause.hint}` }
  return { code: 'REGISTRY_LOST', message: cause instanceof Error ? cause.message : String(cause) }
}
