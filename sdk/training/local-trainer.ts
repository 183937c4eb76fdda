import { CodedError } from '../../runtime/index.ts'
import { datasetsOf, type GivenDatasets } from '../data/datasets.ts'
import { type Examples, testExamplesOf } from '../data/examples.ts'
import { subset } from '../data/in-memory-examples.ts'
import { learnError } from '../learn/errors.ts'
import { chunkOf, chunkStart } from '../learn/evaluation.ts'
import type { Ability, Evaluation, Learner, Update } from '../learn/learner.ts'
import type { OwnEvaluation } from '../learn/role-learner.ts'
import { type RandomStream, randomStream } from '../random/random-stream.ts'
import type { Settings } from '../role/role.ts'
import { sizeOf } from '../weights/layout.ts'
import type { Workload } from '../workload/workload.ts'
import { jobProducts, runsOnOf } from './job-products.ts'
import type {
  ClientEvaluationRequest,
  PassAnswer,
  PoolPass,
  PoolTrainingRequest,
  RootTrainingRequest,
  TrainingPool,
} from './training-pool.ts'

/** A workload's learner with its data, in the thread that made them. A pool runs one or several. */
export interface LocalTrainer
  extends Pick<Learner, 'layout' | 'modelTopology' | 'adapters' | 'remarks'>,
    Pick<TrainingPool, 'runsOn' | 'jobProducts' | 'ownSteps' | 'abilities' | 'modelLayers' | 'sections' | 'trainRoot'> {
  readonly clients: number
  /** Number of test examples. LEARN_EMPTY without any. */
  testExamples(): Promise<number>
  initialWeights(): Promise<Float32Array>
  /**
   * Checks examples of a client, of the test set, or of the root set if there is one. LEARN_EMPTY, LEARN_INPUT,
   * LEARN_LABEL for examples that the learner would refuse.
   */
  checkExamples(of: number | 'test' | 'root'): Promise<void>
  /** Trains one client. A learner that calls `into` writes the delta into the array from `into`. */
  train(request: PoolTrainingRequest, into?: () => Float32Array): Promise<Update>
  evaluateClient(request: ClientEvaluationRequest): Promise<OwnEvaluation>
  pass(request: PoolPass): Promise<PassAnswer>
  ids(client: number): Promise<readonly string[]>
  /** Number of examples that a client trains on. */
  samples(client: number): number | Promise<number>
  /** By client: the label that dominates the examples. */
  labels(clients: number): Float64Array
  evaluateChunk(weights: Float32Array, chunk: number): Promise<Evaluation>
  dispose(): void
}

type LearnerChoices = Pick<RootTrainingRequest, 'work' | 'start' | 'centre' | 'base' | 'trainable'>

/**
 * Makes the workload's learner and data, and gives each request its random stream.
 *
 * @throws LEARN_EMPTY without test examples, unless the test set is a function; LEARN_SETTING for a held-out fraction
 *   outside [0, 1); as `jobProducts` does. Requests throw LEARN_EMPTY, LEARN_CLIENT, LEARN_IDS, LEARN_LABELS, LEARN_ABILITY where the learner lacks an
 *   ability, LEARN_HELD_OUT, LEARN_COLUMN, LEARN_WEIGHTS, LEARN_METRIC, LEARN_EVALUATION, LEARN_EXAMPLE where training
 *   diverged on an example that isn't finite, and the learner's own errors.
 */
export async function localTrainer<S extends Settings>(
  workload: Pick<Workload<S>, 'learner' | 'data'>,
  settings: S,
  seed: number,
  datasets?: GivenDatasets,
): Promise<LocalTrainer> {
  const [learner, data] = await Promise.all([
    workload.learner(settings),
    workload.data(settings, randomStream(seed, 'partition'), datasetsOf(datasets)),
  ])
  const { layout } = learner
  const summed = await jobProducts(learner, settings)
  /** A part of all requests. */
  const fused = summed?.products === 'fused' ? { products: summed.products } : undefined
  const checked = (what: string, values: Float32Array) => {
    if (values.length === layout.size) return values
    throw learnError('LEARN_WEIGHTS', { what, expected: layout.size, came: values.length })
  }
  let tested: Promise<Examples> | undefined
  const testExamples = () => {
    tested ??= testExamplesOf(data).then((examples) => {
      if (examples.count < 1) throw learnError('LEARN_EMPTY', { purpose: 'evaluate' })
      return examples
    })
    return tested
  }
  if (typeof data.test !== 'function') await testExamples()
  const { heldOut: fraction = 0 } = data
  if (!(fraction >= 0 && fraction < 1)) {
    throw learnError('LEARN_SETTING', { name: 'heldOut', expected: 'from 0 and below 1', value: fraction })
  }
  const checkedClient = (client: number) => {
    if (Number.isInteger(client) && client >= 0 && client < data.clients) return client
    throw learnError('LEARN_CLIENT', { client, clients: data.clients })
  }
  /** Examples that came by a promise, such as those of a file: a device reads its own client's once. */
  let last: { readonly client: number; readonly examples: Promise<Examples> } | undefined
  const ownExamples = (client: number) => {
    if (last?.client === client) return last.examples
    const examples = data.client(client)
    if (!(examples instanceof Promise)) return examples
    last = { client, examples }
    examples.catch(() => {
      last = undefined
    })
    return examples
  }
  const splitOf = (client: number, own: Examples) => split(own, fraction, () => randomStream(seed, 'held-out', client))
  /** A client's examples, split into training and held-out examples. */
  const examplesOf = async (client: number) => splitOf(client, await ownExamples(checkedClient(client)))
  const trainingOf = (client: number, own: Examples) =>
    heldOutOf(own.count, fraction) === 0 ? own : splitOf(client, own).training
  const trainingExamples = (client: number) => {
    const own = ownExamples(checkedClient(client))
    return own instanceof Promise ? own.then((all) => trainingOf(client, all)) : trainingOf(client, own)
  }
  const ownBatch = async (client: number | undefined, indices: Uint32Array) =>
    allOf(subset((await examplesOf(client ?? Number.NaN)).training, indices))
  const { root } = data
  const rootExamples = root && (async () => (typeof root === 'function' ? root() : root))
  const checkedExamples = async (of: number | 'test' | 'root') => {
    if (of === 'test') return testExamples()
    return of === 'root' ? rootExamples?.() : data.client(of)
  }
  /** Trains on given examples, which `whose` names in errors alone: a name takes as long as a small part of the work. */
  const trainOn = async (
    own: () => Examples | Promise<Examples>,
    whose: () => string,
    request: RootTrainingRequest,
    into?: () => Float32Array,
  ): Promise<Update> => {
    const { end, round, terms, signal, indices, label, flipLabels = false } = request
    signal?.throwIfAborted()
    const all = own()
    // No wait where the data are there, as those of a fleet's many devices are.
    const given = all instanceof Promise ? await all : all
    const choices = choicesOf(request)
    const which = () => `${whose()} in round ${round}`
    requireAbilities(learner, which, {
      work: choices?.work,
      start: choices?.start ?? choices?.centre ?? choices?.base,
      trainable: choices?.trainable,
      contrastive: terms.contrastive,
      groups: terms.groups,
    })
    const examples = asked(learner, whose, given, { indices, flipLabels })
    try {
      const update = await learner.train({
        weights: checked('the weights', request.weights),
        round,
        examples,
        random:
          label === undefined
            ? randomStream(seed, round, end, 'train')
            : randomStream(seed, round, end, 'train', label),
        terms,
        ...choices,
        ...fused,
        ...(signal && { signal }),
        ...(into && { into }),
      })
      checked('the delta', update.delta)
      if (update.vectors)
        for (const [name, values] of Object.entries(update.vectors)) checked(`the vector ${name}`, values)
      return { ...update, metrics: numbersOf(which, update.metrics) }
    } catch (cause) {
      const fault = hasDiverged(cause) ? exampleFault(`${whose()}: example`, examples, { cause }) : undefined
      throw fault ?? ofWhom(whose(), 0, cause)
    }
  }
  return {
    layout,
    modelTopology: learner.modelTopology,
    adapters: learner.adapters,
    runsOn: runsOnOf(learner.runsOn, summed),
    jobProducts: summed,
    ownSteps: learner.ownSteps,
    abilities: learner.abilities,
    sections: learner.sections,
    modelLayers: learner.modelLayers,
    ...(learner.remarks && { remarks: learner.remarks }),
    clients: data.clients,
    testExamples: async () => (await testExamples()).count,
    initialWeights: async () =>
      checked('the initial weights', await learner.initialWeights(randomStream(seed, 'initial-weights'))),
    async checkExamples(of) {
      const examples = await checkedExamples(of)
      try {
        if (examples) learner.check?.(examples, of === 'test' ? 'evaluate' : 'train')
      } catch (cause) {
        throw ofWhom(typeof of === 'number' ? `client ${of}` : `the ${of} set`, 0, cause)
      }
    },
    train(request, into) {
      const { client } = request
      return trainOn(
        () => trainingExamples(client),
        () => `client ${client}`,
        request,
        into,
      )
    },
    ...(rootExamples && {
      trainRoot: (request: RootTrainingRequest) => trainOn(rootExamples, () => 'the root set', request),
    }),
    async evaluateClient({ client, weights, on, perExample = false, columns = [], indices, flipLabels = false }) {
      const whose = `client ${client}`
      const { training, heldOut } = await examplesOf(client)
      const examples = asked(learner, () => whose, on === 'training' ? training : heldOut, { indices, flipLabels })
      if (examples.count === 0) throw learnError('LEARN_HELD_OUT', { client, count: 0 })
      if (perExample) requireAbilities(learner, () => whose, { losses: true })
      const values = columns.map((name) => [name, columnOf(examples, name)] as const)
      const options = perExample || fused ? { ...fused, ...(perExample && { perExample }) } : undefined
      const found = await learner
        .evaluate(checked('the weights', weights), examples, options)
        .catch((cause: unknown) => {
          throw ofWhom(whose, 0, cause)
        })
      if (perExample && found.losses?.length !== examples.count) {
        throw learnError('LEARN_ABILITY', { what: whose, ability: 'losses' })
      }
      return {
        ...found,
        metrics: numbersOf(() => whose, found.metrics),
        ...(values.length > 0 && { columns: Object.fromEntries(values) }),
      }
    },
    async pass({ client, end, round, label, part, weights, of, training = true, way }) {
      const { parts } = learner
      if (!parts) throw learnError('LEARN_ABILITY', { what: `a pass of ${end} in round ${round}`, ability: 'parts' })
      const { inputs, examples, labels } =
        'inputs' in of ? { ...of, labels: undefined } : await ownBatch(client, of.indices)
      const stream = ['part', ...(label === undefined ? [] : [label])]
      const random = training ? randomStream(seed, round, end, ...stream) : undefined
      const given = { part, weights: checked('the weights', weights), inputs, examples }
      const pass = { ...given, ...fused, ...(random && { random }) }
      if ('to' in way) return { values: await parts.forward(pass), ...(labels && { labels }) }
      if (way.from === 'gradient') return parts.backward(pass, way.gradient)
      return parts.loss(pass, way.labels ?? labels ?? new Float32Array())
    },
    async ids(client) {
      const { count, id } = (await examplesOf(client)).training
      if (!id) throw learnError('LEARN_IDS', { client })
      return Array.from({ length: count }, (_, index) => id(index))
    },
    samples(client) {
      const trained = (count: number) => count - heldOutOf(count, fraction)
      if (data.samples) return trained(data.samples(checkedClient(client)))
      const own = ownExamples(checkedClient(client))
      return own instanceof Promise ? own.then(({ count }) => trained(count)) : trained(own.count)
    },
    labels(clients) {
      if (clients > data.clients) throw learnError('LEARN_CLIENT', { client: clients - 1, clients: data.clients })
      if (!data.label) throw learnError('LEARN_LABELS')
      return Float64Array.from({ length: clients }, (_, client) => data.label?.(client) ?? 0)
    },
    async evaluateChunk(weights, chunk) {
      const examples = chunkOf(await testExamples(), chunk)
      const first = chunkStart(chunk)
      const {
        samples,
        metrics: given,
        counts,
      } = await learner.evaluate(checked('the weights', weights), examples, fused).catch((cause: unknown) => {
        throw ofWhom('the test set', first, cause)
      })
      if (!(Number.isSafeInteger(samples) && samples > 0))
        throw learnError('LEARN_EVALUATION', { examples: examples.count, samples })
      const metrics = numbersOf(() => 'the evaluation', given)
      const found = { samples, metrics, ...(counts && { counts }) }
      if (Object.values(metrics).every(Number.isFinite)) return found
      const fault = exampleFault('test example', examples, { first })
      const whyNotFinite = fault?.message ?? (Number.isFinite(metrics.loss) ? ofItsOwn : tooLarge)
      return { ...found, whyNotFinite }
    },
    dispose: () => learner.dispose?.(),
  }
}

/** Features and labels, or targets, of all examples, in order. */
function allOf(examples: Examples) {
  const { count, shape, targets } = examples
  const [size, perTarget] = [sizeOf(shape), targets ? sizeOf(targets.shape) : 1]
  const inputs = new Float32Array(count * size)
  const labels = new Float32Array(count * perTarget)
  for (let index = 0; index < count; index++) {
    examples.read(index, inputs, index * size)
    if (targets) targets.read(index, labels, index * perTarget)
    else labels[index] = examples.label(index)
  }
  return { inputs, examples: count, labels }
}

/** The examples that a request asks for: those of some indices, and with flipped labels. */
function asked(
  { classes }: Learner,
  what: () => string,
  own: Examples,
  { indices, flipLabels }: { readonly indices: Uint32Array | undefined; readonly flipLabels: boolean },
): Examples {
  const examples = indices ? subset(own, indices) : own
  if (!flipLabels) return examples
  if (classes === undefined) throw learnError('LEARN_ABILITY', { what: what(), ability: 'classes' })
  const { count, shape, targets, bytes, columns } = examples
  return {
    count,
    shape,
    bytes,
    columns,
    read: (index, out, offset) => examples.read(index, out, offset),
    label: (index) => classes - 1 - examples.label(index),
    targets: targets && {
      shape: targets.shape,
      read(index, out, offset) {
        targets.read(index, out, offset)
        for (let at = offset; at < offset + sizeOf(targets.shape); at++)
          // A value that names no class, such as that of a masked step, stays.
          if (out[at]! >= 0 && out[at]! < classes) out[at] = classes - 1 - out[at]!
      },
    },
  }
}

/** The choices that a request makes for the learner. Undefined where a request makes none, as most do. */
function choicesOf({ work, start, centre, base, trainable }: RootTrainingRequest): LearnerChoices | undefined {
  if (!(work ?? start ?? centre ?? base ?? trainable)) return undefined
  return {
    ...(work && { work }),
    ...(start && { start }),
    ...(centre && { centre }),
    ...(base && { base }),
    ...(trainable && { trainable }),
  }
}

function heldOutOf(count: number, fraction: number): number {
  return Math.floor(fraction * count)
}

/** Holds out a fraction of the examples, rounded down: the first ones in a random order. */
function split(examples: Examples, fraction: number, random: () => RandomStream) {
  const count = heldOutOf(examples.count, fraction)
  if (count === 0)
    return {
      training: examples,
      get heldOut() {
        return subset(examples, new Uint32Array())
      },
    }
  const order = random().shuffle(Uint32Array.from({ length: examples.count }, (_, index) => index))
  return {
    training: subset(examples, order.subarray(count).toSorted()),
    heldOut: subset(examples, order.subarray(0, count).toSorted()),
  }
}

const askedAbilities = ['work', 'start', 'trainable', 'losses', 'contrastive', 'groups'] as const

/** Throws LEARN_ABILITY for each defined value in `asked` whose ability the learner lacks. */
function requireAbilities(
  { abilities = [] }: Learner,
  what: () => string,
  asked: Readonly<Partial<Record<Ability, unknown>>>,
): void {
  for (const ability of askedAbilities) {
    if (asked[ability] !== undefined && !abilities.includes(ability))
      throw learnError('LEARN_ABILITY', { what: what(), ability })
  }
}

function columnOf({ columns = {}, count, label }: Examples, name: string): Float64Array {
  const column = columns[name] ?? (name === 'label' ? label : undefined)
  if (column) return Float64Array.from({ length: count }, (_, index) => column(index))
  throw learnError('LEARN_COLUMN', { name, known: Object.keys(columns).join(', ') || 'none' })
}

const tooLarge = 'the test examples are finite, but the outputs of the model are not; use a smaller learning rate'
const ofItsOwn = 'the test examples and the loss are finite; check how the learner computes this metric'

/** Codes of learner errors about an example, which the learner names by index alone. */
const exampleCodes = ['LEARN_EMPTY', 'LEARN_INPUT', 'LEARN_OUTPUTS', 'LEARN_LABEL', 'LEARN_EMBEDDING'] as const

/** Adds to a learner's error the owner of the examples, and the example's index among all of the owner's examples. */
function ofWhom(whose: string, first: number, cause: unknown): unknown {
  const code = exampleCodes.find((each) => cause instanceof CodedError && cause.code === each)
  if (!(cause instanceof CodedError) || code === undefined) return cause
  const { index } = cause.values
  const values = { ...cause.values, ...(typeof index === 'number' && { index: first + index }) }
  const { message, hint } = learnError(code, values)
  return new CodedError(code, { message: '{whose}: {message}', hint: '{hint}' }, { ...values, whose, message, hint })
}

function hasDiverged(cause: unknown): boolean {
  return (
    cause instanceof Error && 'code' in cause && (cause.code === 'LEARN_DIVERGED' || cause.code === 'LEARN_OVERFLOW')
  )
}

/** The first example with a value that isn't finite, as an error. Undefined if every value is finite. */
function exampleFault(
  what: string,
  examples: Examples,
  { first = 0, cause }: { readonly first?: number; readonly cause?: unknown },
): CodedError | undefined {
  const features = new Float32Array(sizeOf(examples.shape))
  const target = new Float32Array(examples.targets ? sizeOf(examples.targets.shape) : 0)
  for (let index = 0; index < examples.count; index++) {
    const found = (value: number | undefined, place: string) =>
      learnError('LEARN_EXAMPLE', { what, index: first + index, value, place }, { cause })
    const label = examples.label(index)
    if (!Number.isFinite(label)) return found(label, 'as its label')
    examples.targets?.read(index, target, 0)
    const wrong = target.findIndex((value) => !Number.isFinite(value))
    if (wrong >= 0) return found(target[wrong], `at index ${wrong} of its target`)
    examples.read(index, features, 0)
    const at = features.findIndex((value) => !Number.isFinite(value))
    if (at >= 0) return found(features[at], `at index ${at} of its features`)
  }
  return undefined
}

/** Metrics without undefined values. LEARN_METRIC for a value that is no number; NaN and infinities stay. */
function numbersOf(
  what: () => string,
  metrics: Readonly<Record<string, unknown>> | undefined = {},
): Record<string, number> {
  const numbers: Record<string, number> = {}
  for (const name of Object.keys(metrics)) {
    const value = metrics[name]
    if (value === undefined) continue
    if (typeof value !== 'number')
      throw learnError('LEARN_METRIC', { name, what: what(), value: JSON.stringify(value) })
    numbers[name] = value
  }
  return numbers
}
