import { HeldDelta, type SentVector } from '../../sum/accumulator.ts'
import { bytesOf, type PackedVector, packed } from '../../sum/packed-vector.ts'
import type { Layout } from '../../weights/layout.ts'
import type {
  Aggregation,
  Algorithm,
  ClientPart,
  Contribution,
  ServerPart,
  Stage,
  Terms,
  WholeContribution,
} from '../algorithm.ts'
import { strategyError } from '../errors.ts'
import { summedLayout } from '../shared-part.ts'

/** The state of an algorithm's part, and of each of its stages. */
interface StagedState {
  readonly inner: unknown
  readonly stages: readonly unknown[]
}

/**
 * Puts stages into an algorithm, whose client then takes its vectors out of the thread that trained them. At the client
 * stages are applied in their order, after those that the algorithm has already; at the server in the same order, before
 * those.
 *
 * @throws STRATEGY_MISFIT for an algorithm whose clients send their weights whole.
 */
export function staged(algorithm: Algorithm, stages: readonly Stage[]): Algorithm {
  const [first] = stages
  if (!first) return algorithm
  if (algorithm.aggregation.wholeWeights) {
    const reason = `${first.name} changes updates, and the clients of ${algorithm.name} send their weights whole; choose fedbuff, or leave ${first.name} out`
    throw strategyError('STRATEGY_MISFIT', { reason })
  }
  const all = [...algorithm.stages, ...stages]
  const isSecret = algorithm.secret || stages.some(({ secret }) => secret)
  const server: ServerPart<StagedState> = stagedServer(algorithm.server, stages)
  return {
    ...algorithm,
    server,
    client: stagedClient(algorithm.client, algorithm.aggregation, stages, traveling(all)),
    stages: all,
    ...(isSecret && { secret: true }),
  }
}

/** The server's part of an algorithm with stages. */
export function stagedServer(inner: ServerPart<unknown>, stages: readonly Stage[]): ServerPart<StagedState> {
  const isTold = inner.assign || stages.some(({ server }) => server?.assign)
  const remembers = inner.remember ?? stages.some(({ server }) => server?.remember)
  const assign = (state: StagedState, round: number) =>
    joinedTerms([
      inner.assign?.(state.inner, round) ?? {},
      ...stages.map(({ server }, index) => server?.assign?.(state.stages[index], round) ?? {}),
    ])
  return {
    init: (layout) => ({
      inner: inner.init(layout),
      stages: stages.map(({ server }) => server?.init?.(layout) ?? null),
    }),
    ...(isTold && { assign }),
    ...(inner.hear && { hear: (state, answers) => inner.hear?.(state.inner, answers) }),
    ...(inner.train && { train: inner.train.bind(inner) }),
    ...(remembers && {
      remember(state, round) {
        inner.remember?.(state.inner, round)
        for (const [index, { server }] of stages.entries()) server?.remember?.(state.stages[index], round)
      },
    }),
    ...spending(inner, stages),
    step(weights, aggregate, state, random, secret) {
      let changed = aggregate
      for (const [index, { server }] of stages.entries())
        if (server?.apply) changed = server.apply(changed, state.stages[index], secret)
      inner.step(weights, changed, state.inner, random, secret)
    },
  }
}

/** The account of the last stage that has one, or else of the algorithm. */
function spending(
  inner: ServerPart<unknown>,
  stages: readonly Stage[],
): Pick<ServerPart<StagedState>, 'spent' | 'exhausted'> {
  const last = stages.findLastIndex(({ server }) => server?.spent)
  const { spent, exhausted } = stages[last]?.server ?? inner
  const stateOf = (state: StagedState) => (last < 0 ? state.inner : state.stages[last])
  return {
    ...(spent && { spent: (state: StagedState, population: number) => spent(stateOf(state), population) }),
    ...(exhausted && { exhausted: (state: StagedState, population: number) => exhausted(stateOf(state), population) }),
  }
}

function joinedTerms(all: readonly Terms[]): Terms {
  return {
    vectors: Object.assign({}, ...all.map(({ vectors }) => vectors)),
    scalars: Object.assign({}, ...all.map(({ scalars }) => scalars)),
  }
}

/** Name of the metric of the bytes in which a client's delta travels. */
const bytesMetric = 'update-bytes'

/** The form in which a contribution travels: packed where a stage compresses. `vector` has the delta's values. */
type Traveling = (contribution: WholeContribution, vector: Float32Array | PackedVector) => Contribution

function traveling(stages: readonly Stage[]): Traveling | undefined {
  if (!stages.some(({ compresses }) => compresses)) return undefined
  // The number of values that aren't 0 is one of the facts that privacy protects.
  const isTold = !stages.some(({ server }) => server?.spent)
  return ({ metrics, ...contribution }, delta) => ({
    ...contribution,
    vectors: { ...contribution.vectors, delta },
    metrics: isTold ? { ...metrics, [bytesMetric]: bytesOf(delta) } : metrics,
  })
}

function stagedClient(
  inner: ClientPart<unknown>,
  aggregation: Aggregation,
  stages: readonly Stage[],
  travels: Traveling | undefined,
): ClientPart<unknown> {
  const isStateful = inner.init !== undefined || stages.some(({ client }) => client?.init)
  const init = (layout: Layout): StagedState => ({
    inner: inner.init?.(layout),
    stages: stages.map(({ client }) => client?.init?.(summedLayout(aggregation, layout)) ?? null),
  })
  return {
    ...(inner.needs && { needs: inner.needs }),
    ...(isStateful && { init }),
    ...(inner.answer && { answer: inner.answer.bind(inner) }),
    ...(inner.tell && { tell: inner.tell.bind(inner) }),
    ...(inner.personal && {
      personal: (weights, own, layout) =>
        inner.personal?.(weights, isStagedState(own) ? own.inner : own, layout) ?? weights,
    }),
    async train(assignment, own, learner, random, secret) {
      const before = isStagedState(own) ? own : { inner: own, stages: [] }
      const trained = await inner.train(assignment, before.inner, learner, random, secret)
      let contribution = await taken(trained.contribution, (vector) => learner.take(vector))
      const layout = summedLayout(aggregation, learner.layout)
      const states: unknown[] = []
      let form = knownForm(contribution.vectors.delta, trained.contribution.vectors.delta)
      for (const [index, { client }] of stages.entries()) {
        const given = { terms: assignment.terms, random, secret, layout }
        const changed = client?.apply(contribution, before.stages[index], given)
        if (changed) contribution = changed.contribution
        states.push(changed?.own ?? null)
        const { delta } = contribution.vectors
        if (delta !== form.of) form = { of: delta, made: () => packed(delta, changed?.levels) }
      }
      const sent = travels?.(contribution, form.made()) ?? contribution
      return { contribution: sent, own: isStateful ? { inner: trained.own, stages: states } : trained.own }
    },
  }
}

/** The form in which an array travels. */
interface Form {
  readonly of: Float32Array
  made(): Float32Array | PackedVector
}

/** The form of a vector that was taken: as it came, if it came packed. */
function knownForm(of: Float32Array, came: SentVector): Form {
  const isPacked = !(came instanceof Float32Array || came instanceof HeldDelta)
  return { of, made: () => (isPacked ? came : packed(of)) }
}

function isStagedState(value: unknown): value is StagedState {
  return typeof value === 'object' && value !== null && 'stages' in value && 'inner' in value
}

/** A contribution with its vectors taken out of the thread that made them. */
async function taken(
  { vectors: { delta, ...others }, ...contribution }: Contribution,
  take: (vector: SentVector) => Promise<Float32Array>,
): Promise<WholeContribution> {
  const named = await Promise.all(
    Object.entries(others).map(async ([name, vector]) => [name, await take(vector)] as const),
  )
  return { ...contribution, vectors: { ...Object.fromEntries(named), delta: await take(delta) } }
}
