import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lmdbStore } from '../runtime/durable/lmdb/index.ts'
import { type DurableStore, decode, encode, memoryStore } from '../runtime/index.ts'
import { type Choices, choiceText, kinds, type ModelRegistry, memoryRegistry, type Settings } from '../sdk/index.ts'
import { fileRegistry } from '../sdk/node/index.ts'
import { simulationError } from './errors.ts'

/** The store and the registry of a run. */
export interface RunStore {
  readonly store: DurableStore
  readonly registry: ModelRegistry
  /** A folder for the state of processes that host tasks. In memory: a temporary one, which `close` removes. */
  hostsFolder(): Promise<string>
  close(): Promise<void>
}

/** Opens a folder, with subfolders for state and models; or memory, without a folder. */
export async function openRunStore(folder: string | undefined): Promise<RunStore> {
  if (folder === undefined) {
    const store = memoryStore()
    let temporary: string | undefined
    return {
      store,
      registry: memoryRegistry(),
      async hostsFolder() {
        temporary ??= await mkdtemp(join(tmpdir(), 'flame-hosts-'))
        return temporary
      },
      async close() {
        if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
        await store.close()
      },
    }
  }
  const store = await lmdbStore(join(folder, 'state'))
  return {
    store,
    registry: fileRegistry(join(folder, 'models')),
    hostsFolder: async () => join(folder, 'hosts'),
    close: () => store.close(),
  }
}

/** Everything that determines the result of a run. */
interface RunPlan {
  readonly seed: number
  readonly settings: Settings
  readonly algorithms: Choices
}

/**
 * Records the plan of a new run, or compares with the recorded plan: a run continues only with the same settings,
 * except for more rounds.
 *
 * @throws SIMULATION_DIFFERS.
 */
export async function claimRun(store: DurableStore, place: string, name: string, plan: RunPlan): Promise<void> {
  const key = `simulation/${name}`
  const found = await store.load(key)
  const began = found && decode(found.bytes)
  if (isPlan(began)) {
    const { rounds } = plan.settings
    const before = flat({ ...began, settings: { ...began.settings, rounds: Math.min(began.settings.rounds, rounds) } })
    const now = flat({ ...plan, settings: { ...plan.settings, rounds: Math.min(began.settings.rounds, rounds) } })
    const fewer = rounds < began.settings.rounds ? 'rounds' : undefined
    const setting =
      fewer ?? [...new Set([...before.keys(), ...now.keys()])].find((each) => before.get(each) !== now.get(each))
    if (setting !== undefined)
      throw simulationError('SIMULATION_DIFFERS', {
        store: place,
        name,
        setting,
        began: flat(began).get(setting) ?? 'nothing',
        given: flat(plan).get(setting) ?? 'nothing',
      })
  }
  await store.save(key, found?.version ?? 0, encode(plan))
}

function flat({ seed, settings, algorithms }: RunPlan): Map<string, string> {
  const chosen = kinds.map((kind) => [`the ${kind}`, choiceText(kind, algorithms[kind])] as const)
  return new Map([
    ...Object.entries({ ...settings, seed }).map(([name, value]) => [name, String(value)] as const),
    ...chosen,
  ])
}

function isPlan(value: unknown): value is RunPlan {
  return (
    typeof value === 'object' && value !== null && ['seed', 'settings', 'algorithms'].every((name) => name in value)
  )
}
