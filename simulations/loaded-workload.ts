import { fileURLToPath } from 'node:url'
import { type HostParts, inlinePool, isWorkload, type Settings, type Workload, workloadFaults } from '../sdk/index.ts'
import { type BundledWorkload, defaultWorkers, loadWorkload, poolFor } from '../sdk/node/index.ts'
import { simulationError } from './errors.ts'

export interface LoadedWorkload {
  readonly definition: Workload
  readonly poolOf: HostParts['poolOf']
  /** Absent for a workload object. */
  readonly module?: BundledWorkload
}

/**
 * A workload object, or the workload of a module, and how its pool is made. `workers`: default 0 for an object; for a module
 * `otherwise`, by default one for each core.
 *
 * @throws SIMULATION_WORKERS, SIMULATION_WORKLOAD, and the errors of loading the workload.
 */
export async function loadedFrom<S extends Settings>(
  given: Workload<S> | string | URL,
  workers: number | undefined,
  otherwise: number = defaultWorkers(),
): Promise<LoadedWorkload> {
  if (typeof given === 'string' || given instanceof URL) {
    const isUrl = typeof given !== 'string' || given.startsWith('file:')
    const loaded = await loadWorkload(isUrl ? fileURLToPath(given) : given)
    return {
      definition: loaded.workload,
      poolOf: (plan) => poolFor({ ...loaded, ...plan, workers: workers ?? otherwise }),
      module: loaded,
    }
  }
  if (workers !== undefined && workers > 0) throw simulationError('SIMULATION_WORKERS', { name: given.name, workers })
  const definition: unknown = given
  if (!isWorkload(definition))
    throw simulationError('SIMULATION_WORKLOAD', { faults: workloadFaults(definition).join('; ') })
  return { definition, poolOf: ({ settings, seed, datasets }) => inlinePool(definition, settings, seed, datasets) }
}

/** Settings as texts, as `resolveSettings` takes them. */
export function texts(settings: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}

/** Refuses an option that a program in JavaScript, or a number that it read, gives otherwise than the types say. */
export function badOption(name: string, came: unknown, expected: string): Error {
  return simulationError('SIMULATION_OPTION', { name, came: JSON.stringify(came) ?? String(came), expected })
}

export function isWhole(value: unknown, least: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
}

/** The rounds of a run as they come, for those who iterate over them. */
export class ToldRounds<Round> {
  readonly history: Round[] = []
  #isOver = false
  #changed = news()

  /** Notes a round, in place of one that is the same. */
  note(round: Round, isSame: (other: Round) => boolean): void {
    const known = this.history.findIndex(isSame)
    if (known >= 0) this.history[known] = round
    else this.history.push(round)
    this.#tell()
  }

  /** No round follows. */
  end(): void {
    this.#isOver = true
    this.#tell()
  }

  /** Yields each round, and throws the cause if the run fails. */
  async *iterate(result: Promise<{ readonly state: string; readonly cause?: unknown }>): AsyncGenerator<Round> {
    for (let next = 0; ; ) {
      const round = this.history[next]
      if (round) {
        next += 1
        yield round
      } else if (this.#isOver) break
      else await this.#changed.told
    }
    const { state, cause } = await result
    if (state === 'failed') throw cause
  }

  #tell(): void {
    const before = this.#changed
    this.#changed = news()
    before.tell()
  }
}

/** A signal that is given once. */
function news(): { readonly told: Promise<void>; tell(): void } {
  let tell = () => {}
  const told = new Promise<void>((resolve) => {
    tell = resolve
  })
  return { told, tell }
}
