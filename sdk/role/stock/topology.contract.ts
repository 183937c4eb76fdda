import type { TestFn } from 'ava'
import { memoryStore, seededScheduler, virtualClock } from '../../../runtime/index.ts'
import { changed, withChannels } from '../../../test/support/changed-role.ts'
import { disturbed } from '../../../test/support/slow-routes.ts'
import type { RoundSummary } from '../../host/index.ts'
import { memoryRegistry } from '../../registry/memory-registry.ts'
import type { ModelRegistry, ModelToCommit } from '../../registry/registry.ts'
import { twoTier } from '../../tag/topologies.ts'
import type { Topology } from '../../tag/topology.ts'
import {
  forSeeds,
  killedStore,
  lifeOf,
  type Rehearsal,
  type RehearsalOptions,
  type RoleStage,
  rehearse,
  roleStage,
  type StageOptions,
  tinyPool,
} from '../../testing/index.ts'
import type { TrainingPool } from '../../training/training-pool.ts'
import type { AnyRole, RoundRecord } from '../role.ts'

export interface PoolUnderTest {
  readonly clients: number
  readonly beforeTraining?: () => void | Promise<void>
  readonly beforeEvaluation?: () => void | Promise<void>
}

export interface TopologyUnderTest {
  readonly topologyOf: (options: { readonly clients: number }) => Topology
  /** The topology whose bits this one has. Default: two tiers. */
  readonly calmOf?: (options: { readonly clients: number }) => Topology
  /** Default: tiny pools. */
  readonly poolOf?: (options: PoolUnderTest) => TrainingPool
  /** Further settings of the jobs. */
  readonly settings?: RehearsalOptions['settings']
  /** Number of calls of the pool in which faults happen, and ends leave. Default: 12. */
  readonly instants?: number
  /** Roles by the names of the schema. */
  readonly roles: Readonly<Record<string, AnyRole>>
  /** The ends that may leave for good, of a topology of 4 clients. */
  readonly leaving: readonly string[]
  /** The ends that then must come to their end. */
  readonly staying: readonly string[]
}

/** Order of messages and time by a seed. */
export const seeded = (seed: number) => ({ scheduler: seededScheduler(seed), clock: virtualClock() })

/** A definition of a role under the name that a schema has for it. */
export const named = (name: string, { runOn }: AnyRole): AnyRole => ({ name, runOn })

/** Runs a job to its end. */
export async function completed(options: RehearsalOptions): Promise<Rehearsal> {
  const run = await rehearse(options)
  if (run.state !== 'completed') throw new Error(`the job ended ${run.state}: ${String(run.cause)}`)
  return run
}

/** A registry that notes each model by part and round, and refuses a second model of the same part and round. */
export function notingRegistry(): {
  readonly models: ReadonlyMap<string, ModelToCommit>
  readonly registry: ModelRegistry
} {
  const registry = memoryRegistry()
  const models = new Map<string, ModelToCommit>()
  return {
    models,
    registry: {
      ...registry,
      async commit(model) {
        const name = `${model.part} ${model.round}`
        const known = models.get(name)
        if (known && known.hash !== model.hash) throw new Error(`two models ${name}`)
        models.set(name, model)
        return registry.commit(model)
      },
    },
  }
}

/** A job that one of its ends leaves. */
interface LeftJob extends Omit<StageOptions, 'pool' | 'store'> {
  readonly clients: number
  /** Default: tiny pools. */
  readonly poolOf?: (options: PoolUnderTest) => TrainingPool
  /** The end that leaves for good. */
  readonly leaving: string
  /** The step, from 1, at which the end leaves: trainings, evaluations and appends to the store are steps. */
  readonly leavesAt: number
  /** The ends that must come to their end without a failure, unless they leave. */
  readonly staying: readonly string[]
}

/** Runs a job that one end leaves for good, until the other ends have come to their end. Returns the published models. */
export async function publishedThoughOneLeaves({
  clients,
  poolOf = tinyPool,
  leaving,
  leavesAt,
  staying,
  ...options
}: LeftJob): Promise<readonly RoundRecord[]> {
  const stages: RoleStage[] = []
  let steps = 0
  const step = () => {
    steps += 1
    if (steps === leavesAt) stages[0]?.stop(leaving)
  }
  const store = memoryStore()
  await using stage = roleStage({
    ...options,
    pool: poolOf({ clients, beforeTraining: step, beforeEvaluation: step }),
    store: changed(store, {
      async append(key, bytes, given) {
        step()
        return store.append(key, bytes, given)
      },
    }),
  })
  stages.push(stage)
  for (const end of staying) {
    if (end === leaving) continue
    const ended = await stage.ended(end)
    if (ended.type === 'task-failed') throw ended.cause
  }
  return [...stage.published]
}

const withoutTime = (round: RoundSummary) => ({ ...round, seconds: 0 })

/**
 * The promises of every synchronous topology with one model: the same bits, by default those of two tiers, in any order
 * of messages, through faults and kills; and nobody waits for an end that has left.
 */
export function topologyContract(
  test: TestFn,
  name: string,
  {
    topologyOf,
    calmOf = twoTier,
    poolOf = tinyPool,
    settings = {},
    instants = 12,
    roles,
    leaving,
    staying,
  }: TopologyUnderTest,
): void {
  for (const clients of [1, 2, 3, 5, 9])
    test(`${name} of ${clients} has the members, metrics and bits of ${calmOf === twoTier ? 'two tiers' : 'the first run'}, in any order of messages`, async (t) => {
      const pool = poolOf({ clients })
      const flat = await completed({ topology: calmOf({ clients }), pool, settings })
      await forSeeds(40, async (seed) => {
        const run = await completed({ topology: topologyOf({ clients }), pool, settings, system: seeded(seed) })
        t.deepEqual(run.rounds.map(withoutTime), flat.rounds.map(withoutTime))
      })
    })

  test(`${name}: 60 seeds: slow routes between some ends change no bit`, async (t) => {
    const clients = 4
    const pool = poolOf({ clients })
    const calm = await completed({ topology: calmOf({ clients }), pool, settings })
    const expected = calm.rounds.map(({ hash }) => hash).join()
    await forSeeds(60, async (seed) => {
      const run = await completed({ ...disturbed(topologyOf({ clients }), seed), pool, settings })
      const hashes = run.rounds.map(({ hash }) => hash).join()
      if (hashes !== expected) throw new Error(`hashes ${hashes}, expected ${expected}`)
    })
    t.pass()
  })

  test(`${name}: each round of each end gives the same when it is run twice`, async (t) => {
    const pool = poolOf({ clients: 4 })
    const run = await rehearse({ topology: topologyOf({ clients: 4 }), pool, settings, checkDeterminism: true })
    t.is(run.state, 'completed', String(run.cause))
  })

  test(`${name}: 200 seeds: roles that fail at some time and run again change no bit`, async (t) => {
    const clients = 4
    const calm = await completed({ topology: calmOf({ clients }), pool: poolOf({ clients }), settings })
    const expected = calm.rounds.map(({ hash }) => hash).join()
    await forSeeds(200, async (seed) => {
      let trainings = 0
      let evaluations = 0
      const pool = poolOf({
        clients,
        beforeTraining() {
          trainings += 1
          if (trainings === 1 + (seed % instants)) throw new Error('a passing fault')
        },
        beforeEvaluation() {
          evaluations += 1
          if (evaluations === 1 + (seed % 3)) throw new Error('a passing fault')
        },
      })
      const run = await completed({ topology: topologyOf({ clients }), pool, settings, system: seeded(seed) })
      const hashes = [...new Set(run.rounds.map(({ hash }) => hash))].join()
      if (hashes !== expected) throw new Error(`hashes ${hashes}, expected ${expected}`)
    })
    t.pass()
  })

  test(`${name}: a process that ends just before or after any write goes on to the same hashes`, async (t) => {
    const job = { topology: topologyOf({ clients: 3 }), pool: poolOf({ clients: 3 }), settings, rounds: 2 }
    const calm = await completed({ ...job, topology: calmOf({ clients: 3 }) })
    const expected = new Map(calm.rounds.map(({ round, hash }) => [round, hash]))
    let kills = 0
    for (const endsAfter of [false, true])
      for (let steps = 1; ; steps++) {
        const store = memoryStore()
        const life = lifeOf(steps, endsAfter)
        const models = memoryRegistry()
        const seen = new Set<number>()
        let isFirstLife = true
        const registry = {
          ...models,
          async commit(model: ModelToCommit) {
            if (isFirstLife && life.ended) throw new Error('the process has ended')
            t.is<string | undefined, string | undefined>(model.hash, expected.get(model.round), `step ${steps}`)
            seen.add(model.round)
            return models.commit(model)
          },
        }
        await rehearse({ ...job, store: killedStore(store, life), system: seeded(steps), registry })
        if (!life.ended) break
        kills += 1
        isFirstLife = false
        const second = await completed({ ...job, store, system: seeded(steps + 1), registry })
        t.is(second.state, 'completed')
        t.deepEqual([...seen].toSorted(), [...expected.keys()], `step ${steps}`)
      }
    t.true(kills > 4, `${kills} kills`)
  })

  test(`${name}: 200 seeds: an end that leaves for good at some time makes nobody wait, and each round has one model`, async (t) => {
    const clients = 4
    let smaller = 0
    await forSeeds(200, async (seed) => {
      const published = await publishedThoughOneLeaves({
        roles,
        topology: topologyOf({ clients }),
        clients,
        poolOf,
        settings,
        leaving: leaving[seed % leaving.length] ?? '',
        leavesAt: 1 + (seed % (instants + 1)),
        staying,
        system: seeded(seed),
      })
      const models = new Map<number, string>()
      for (const { round, weights, members } of published) {
        const model = `${[...weights]} ${members}`
        if ((models.get(round) ?? model) !== model) throw new Error(`two models of round ${round}`)
        models.set(round, model)
        if (members.length < clients) smaller += 1
      }
      if ([...models.keys()].join() !== '1,2,3') throw new Error(`rounds ${[...models.keys()]}`)
    })
    t.true(smaller > 20 || process.env.SEED !== undefined, `${smaller} rounds without all trainers`)
  })
}

/**
 * A role whose run ends once with a passing fault: just before its sends number 1, 3, …, just after its sends number 2, 4
 * and so on, in the order of the sends of all ends of the role.
 */
export function killedAtMessage(role: AnyRole, message: number): { readonly role: AnyRole; isDone(): boolean } {
  let sends = 0
  const step = (send: () => void) => {
    sends += 1
    const isLast = sends === Math.ceil(message / 2)
    if (isLast && message % 2 === 1) throw new Error('a passing fault before a message')
    send()
    if (isLast) throw new Error('a passing fault after a message')
  }
  const killed = withChannels(role, (channel) =>
    changed(channel, {
      send: (end, sent, options) => step(() => channel.send(end, sent, options)),
      broadcast: (sent, ends) => step(() => channel.broadcast(sent, ends)),
    }),
  )
  return { role: killed, isDone: () => sends >= Math.ceil(message / 2) }
}

/** A role whose messages to single ends are changed on their way. */
export function sendingBy(role: AnyRole, change: <Message>(message: Message) => Message): AnyRole {
  return withChannels(role, (channel) =>
    changed(channel, { send: (end, message, options) => channel.send(end, change(message), options) }),
  )
}
