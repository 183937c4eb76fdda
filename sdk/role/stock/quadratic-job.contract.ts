import { decode, memoryStore, type Store, virtualClock } from '../../../runtime/index.ts'
import { randomStream } from '../../random/random-stream.ts'
import type { Algorithm } from '../../strategy/algorithm.ts'
import { twoTier } from '../../tag/topologies.ts'
import { killedStore, lifeOf, roleStage, type StageOptions, tinyPool } from '../../testing/index.ts'
import type { PoolTrainingRequest, TrainingPool } from '../../training/training-pool.ts'
import { layoutOf } from '../../weights/layout.ts'
import { stockRoles } from './stock-roles.ts'

export const top = 'top-aggregator-0'
export const clients = 4
const rate = 0.25
const names = ['base/kernel', 'norm/moving_mean', 'head/kernel']
export const size = names.length

/**
 * A pool whose clients minimise ½‖w − target‖² by plain SGD, with a step for each batch: clients with an odd number have
 * three batches, the others two. The first two weights of the three tensors are a part of the model of their own.
 */
export function quadraticPool({
  target = (client: number) => client,
  before,
}: {
  readonly target?: (client: number) => number
  readonly before?: (request: PoolTrainingRequest) => void | Promise<void>
} = {}): TrainingPool {
  const squares = (weights: Float32Array, client: number) =>
    weights.reduce((sum, value) => sum + (value - target(client)) ** 2 / 2, 0)
  return {
    ...tinyPool({ clients, size }),
    layout: layoutOf(names.map((name) => ({ name, shape: [1] }))),
    ownSteps: { learningRate: rate, epochs: 1, batch: 1 },
    abilities: ['work', 'start', 'trainable', 'losses', 'parts'],
    initialWeights: async () => Float32Array.of(1, -2, 3),
    async train(request) {
      await before?.(request)
      const { weights, client, work = {}, start = weights, centre = weights, base = weights } = request
      const { proximal = 0, dynamic, correction } = request.terms
      const steps = work.steps ?? (work.epochs ?? 1) * (2 + (client % 2))
      const trained = start.slice()
      const pull = proximal + (dynamic?.alpha ?? 0)
      for (let step = 0; step < steps; step++)
        for (const [i, value] of trained.entries()) {
          if (request.trainable?.[i] === false) continue
          const terms = pull * (value - (centre[i] ?? 0)) - (dynamic?.gradient?.[i] ?? 0) + (correction?.[i] ?? 0)
          trained[i] = value - (work.learningRate ?? rate) * (value - target(client) + terms)
        }
      return { delta: trained.map((value, i) => value - (base[i] ?? 0)), samples: 1 + client, steps, metrics: {} }
    },
    async evaluateClient({ client, weights }) {
      return { samples: 1 + client, metrics: { loss: squares(weights, client) } }
    },
    async pass({ client = 0, weights }) {
      const gradient = weights.map((value) => value - target(client))
      return { gradient, inputs: new Float32Array(), loss: squares(weights, client) }
    },
  }
}

/** The same pool, but some updates, drawn by the seed, are refused by sums. Those of client 0 are none of them. */
export function refusedPool(seed: number): TrainingPool {
  const honest = quadraticPool()
  return {
    ...honest,
    async train(request) {
      const update = await honest.train(request)
      const isRefused = randomStream(seed, request.round, request.end).uniform() < 0.3
      return isRefused && request.client > 0 ? { ...update, delta: update.delta.map(() => Number.NaN) } : update
    },
  }
}

/** Runs a job to its end. */
export async function run({ strategy, ...options }: Partial<StageOptions> & { readonly strategy: Algorithm }) {
  const store = options.store ?? memoryStore()
  const system = { clock: virtualClock() }
  const job = {
    roles: stockRoles,
    topology: twoTier({ clients }),
    pool: quadraticPool(),
    strategy,
    system,
    ...options,
    store,
  }
  await using stage = roleStage(job)
  const ended = await stage.ended(top)
  return { ended, store, published: stage.published, weights: stage.published.map(({ weights }) => [...weights]) }
}

/** Runs a job in a process that ends at its write of this number, or when the job has ended. */
export async function endingAt(
  write: number,
  store: Store,
  options: Partial<StageOptions> & { readonly strategy: Algorithm },
): Promise<void> {
  const life = lifeOf(write, write % 2 === 0)
  let end = () => {}
  const dead = new Promise<void>((resolve) => (end = resolve))
  const dying = {
    get ended() {
      return life.ended
    },
    step: <Result>(work: () => Promise<Result>) =>
      life.step(work).finally(() => {
        if (life.ended) end()
      }),
  }
  const job = { roles: stockRoles, topology: twoTier({ clients }), pool: quadraticPool(), ...options }
  const stage = roleStage({ ...job, store: killedStore(store, dying) })
  await Promise.race([stage.ended(top), dead])
  await stage.system.terminate()
}

/** The state of the server's part, and the counted own state of each client: undefined before the first. */
export async function states(store: Store): Promise<{ readonly server: unknown; readonly own: readonly unknown[] }> {
  const saved = async (end: string) => {
    const kept = await store.load(`job/job-1/${end}`)
    return Object(kept && decode(kept.bytes))
  }
  const { state } = await saved(top)
  const own = Array.from({ length: clients }, async (_, client) => {
    const { own } = await saved(`trainer-${client}`)
    const isCounted = own !== undefined && (state.counted[`trainer-${client}`] ?? 0) >= own.round
    return isCounted ? own.after : own?.before
  })
  return { server: state.server, own: await Promise.all(own) }
}

/** Whether a vector of the server is the mean of the clients', which begin at 0. */
export function isMean(
  { server, own }: Awaited<ReturnType<typeof states>>,
  [ofServer, ofClient]: readonly [server: string, client: string],
): boolean {
  const shared: Float32Array = Object(server)[ofServer]
  return shared.every((value, i) => {
    const mean = own.reduce((sum: number, state) => sum + (Object(state)[ofClient]?.[i] ?? 0), 0) / own.length
    return Math.abs(value - mean) < 1e-5
  })
}
