import type { AdapterPair, LowRank } from '../learn/adapters.ts'
import { learnError } from '../learn/errors.ts'
import type { Learner, LocalTerms } from '../learn/learner.ts'
import type { Loss } from '../learn/loss.ts'
import type { Metric } from '../learn/metrics.ts'
import type { Steps } from '../learn/steps.ts'
import { type Layout, layoutOf, sizeOf, tensorViews } from '../weights/layout.ts'
import { type EngineModel, engineLearner, engineModel } from './engine-learner.ts'
import { adapterTensors } from './ops/adapters.ts'

interface AdapterLearnerSettings {
  readonly loss: Loss
  readonly steps: Steps
  readonly metrics: readonly Metric[]
  readonly lowRank: LowRank
  /** Gives the weights that stay as they are, in the layout of the model without adapters. */
  readonly frozen: (model: EngineModel) => Float32Array
}

/**
 * A learner of low-rank adapters alone. The model with adapters trains whole, but for its own weights, which keep their
 * values.
 *
 * @throws LEARN_ENGINE_MODEL as `engineModel`; LEARN_SETTING for a model without dense and attention layers, and for a rank
 *   or a factor that can't be.
 */
export function adapterLearner(topology: unknown, settings: AdapterLearnerSettings): Learner {
  const { loss, steps, metrics, lowRank } = settings
  const { rank, alpha = rank } = lowRank
  const refuse = (name: string, expected: string, value: unknown) =>
    learnError('LEARN_SETTING', { name, expected, value })
  if (!(Number.isInteger(rank) && rank >= 1)) throw refuse('lora.rank', 'a whole number from 1', rank)
  if (!(Number.isFinite(alpha) && alpha > 0)) throw refuse('lora.alpha', 'a number above 0', alpha)
  const scale = alpha / rank
  const model = engineModel(topology, loss)
  const adapted = engineModel(topology, loss, { rank, scale })
  const { layout: whole } = adapted
  const isOwn = whole.tensors.map(({ name }) => adapterTensors.some((ending) => name.endsWith(ending)))
  const layout = layoutOf(whole.tensors.filter((_, index) => isOwn[index]))
  if (layout.size === 0)
    throw refuse('lora', 'absent for a model without dense and attention layers', JSON.stringify(lowRank))

  const frozen = settings.frozen(model)
  const learner = engineLearner(adapted, loss, steps, metrics)
  const places = placesOf(whole, isOwn)
  const base = new Float32Array(whole.size)
  const [values, targets] = [tensorViews(model.layout, frozen), tensorViews(whole, base)]
  for (const [name, target] of targets) target.set(values.get(name) ?? new Float32Array(target.length))
  const widened = (what: string, own: Float32Array, rest: Float32Array) => {
    if (own.length !== layout.size) throw learnError('LEARN_WEIGHTS', { what, expected: layout.size, came: own.length })
    const all = rest.slice()
    let next = 0
    for (const { from, to } of places) {
      all.set(own.subarray(next, next + to - from), from)
      next += to - from
    }
    return all
  }
  const narrowed = (all: Float32Array, own: Float32Array) => {
    let next = 0
    for (const { from, to } of places) {
      own.set(all.subarray(from, to), next)
      next += to - from
    }
    return own
  }
  const weightsOf: Extension = (what, own) => widened(what, own, base)
  const gradientOf: Extension = (what, own) => widened(what, own, new Float32Array(whole.size))
  const trainable = (chosen: readonly boolean[] | undefined) => {
    let next = 0
    return isOwn.map((own) => own && (chosen?.[next++] ?? true))
  }
  // The parts of a model have the whole layout.
  const { remarks = [], abilities = [], modelLayers, parts: _, predict, ...others } = learner
  return {
    ...others,
    layout,
    adapters: { layout: model.layout, frozen, pairs: pairsOf(layout, scale) },
    abilities: abilities.filter((ability) => ability !== 'parts'),
    remarks: [
      ...remarks,
      `only adapters of ${layout.size} values train and travel; published models have the adapters merged into the model's ${model.layout.size} weights`,
    ],
    ...(modelLayers && { modelLayers: { ...modelLayers, untrained: [] } }),
    initialWeights: async (random) => narrowed(adapted.initialWeights(random), new Float32Array(layout.size)),
    async train({ into, start, centre, base: counted, terms, ...request }) {
      const { delta, ...update } = await learner.train({
        ...request,
        weights: weightsOf('the weights', request.weights),
        ...(start && { start: weightsOf('the weights to start at', start) }),
        ...(centre && { centre: weightsOf('the weights to pull to', centre) }),
        ...(counted && { base: weightsOf('the weights to count from', counted) }),
        trainable: trainable(request.trainable),
        ...(terms && { terms: wholeTerms(terms, weightsOf, gradientOf) }),
      })
      return { ...update, delta: narrowed(delta, into?.() ?? new Float32Array(layout.size)) }
    },
    evaluate: async (weights, ...given) => learner.evaluate(weightsOf('the weights', weights), ...given),
    ...(predict && { predict: async (weights, ...given) => predict(weightsOf('the weights', weights), ...given) }),
  }
}

/** Values of the whole layout, from those of the adapters. LEARN_WEIGHTS, with `what`, for another number of them. */
type Extension = (what: string, own: Float32Array) => Float32Array

/** Values of the terms for other weights than the adapters are ignored, but must be there. */
function wholeTerms(terms: LocalTerms, weightsOf: Extension, gradientOf: Extension): LocalTerms {
  const { dynamic, correction, contrastive } = terms
  return {
    ...terms,
    ...(dynamic?.gradient && {
      dynamic: { ...dynamic, gradient: gradientOf('the gradient of the dynamic regulariser', dynamic.gradient) },
    }),
    ...(correction && { correction: gradientOf('the correction', correction) }),
    ...(contrastive && {
      contrastive: { ...contrastive, previous: weightsOf('the previous weights', contrastive.previous) },
    }),
  }
}

/** The places of the adapters among the values of the whole layout, in order. */
function placesOf({ tensors }: Layout, isOwn: readonly boolean[]) {
  let next = 0
  return tensors.flatMap(({ shape }, index) => {
    const from = next
    next += sizeOf(shape)
    return isOwn[index] ? [{ from, to: next }] : []
  })
}

function pairsOf({ tensors }: Layout, scale: number): readonly AdapterPair[] {
  const [a, b] = adapterTensors
  return tensors.flatMap(({ name }) => {
    if (!name.endsWith(a)) return []
    const layer = name.slice(0, -a.length)
    return [{ kernel: `${layer}/kernel`, a: name, b: `${layer}${b}`, scale }]
  })
}
