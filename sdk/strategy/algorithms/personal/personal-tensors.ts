import type { Layout } from '../../../weights/layout.ts'
import type { ClientAssignment, ClientPart, Contribution, ServerPart } from '../../algorithm.ts'
import { strategyError } from '../../errors.ts'
import { gathered, overlaid, type Range, rangesOf, wholeWeights } from '../../shared-part.ts'
import { type RoundSettings, roundParts } from '../server/index.ts'

/** Chooses the tensors that stay at each client: one boolean for each tensor of the layout. */
export type PersonalTensors = (layout: Layout) => readonly boolean[]

/** The client's own values of its personal tensors, one after another. Empty before the first counted round. */
export interface PersonalValues {
  readonly personal: Float32Array
}

/** Settings of an algorithm with a personal head. */
export const headSettings = {
  headLayers: {
    kind: 'whole',
    least: 0,
    default: 1,
    help: 'number of layers with weights, counted from the last one, that stay at each client',
  },
  personal: {
    kind: 'text',
    optional: true,
    help: 'names of the layers that stay at each client, with + between them, in place of headLayers',
  },
} as const

/** The layer of a tensor: the tensor's name up to its last part. */
function layerOf(tensor: string): string {
  const end = tensor.lastIndexOf('/')
  return end < 0 ? tensor : tensor.slice(0, end)
}

/** The tensors of the named layers, or of the last `headLayers`. STRATEGY_SETTING for a layer that the model hasn't. */
export function headTensors(
  of: string,
  { headLayers, personal }: { readonly headLayers: number; readonly personal: string | undefined },
): PersonalTensors {
  return ({ tensors }) => {
    const layers = [...new Set(tensors.map(({ name }) => layerOf(name)))]
    const named =
      personal?.split('+').map((name) => name.trim()) ?? layers.slice(Math.max(0, layers.length - headLayers))
    const unknown = named.find((name) => !layers.includes(name))
    if (unknown !== undefined) {
      const expected = `names of layers with weights, which are ${layers.join(', ')}`
      throw strategyError('STRATEGY_SETTING', { of, name: 'personal', came: unknown, expected })
    }
    return tensors.map(({ name }) => named.includes(layerOf(name)))
  }
}

/** All tensors of batch normalizations: the layers that have a moving mean. */
export function normalizationTensors({ tensors }: Layout): readonly boolean[] {
  const normalizing = new Set(tensors.flatMap(({ name }) => (name.endsWith('/moving_mean') ? [layerOf(name)] : [])))
  return tensors.map(({ name }) => normalizing.has(layerOf(name)))
}

/** One part of a client's work: the tensors that are trained. */
export interface Phase {
  readonly trains: 'all' | 'personal' | 'shared'
  readonly epochs?: number
}

/**
 * FedAvg of the tensors that aren't personal. Each client trains from the round's shared values and its own personal
 * values, in phases that follow each other, and sends the shared delta alone. The server's personal values stay the
 * initial ones, from which each client begins.
 */
export function partlyPersonal(
  isPersonal: PersonalTensors,
  phases: readonly Phase[],
  { weighting, ...values }: RoundSettings & { readonly weighting: 'samples' | 'equal' },
) {
  const parts = roundParts(values)
  const shared = (layout: Layout) => isPersonal(layout).map((each) => !each)
  return {
    ...parts,
    aggregation: { ...parts.aggregation, shared },
    server: sharedAveraging(shared),
    client: personalClient(isPersonal, shared, { weighting, phases }),
  }
}

/** Adds the mean delta to the shared weights. */
function sharedAveraging(
  shared: (layout: Layout) => readonly boolean[],
): ServerPart<{ readonly ranges: readonly Range[] }> {
  return {
    init: (layout) => ({ ranges: rangesOf(layout, shared(layout)) }),
    step(weights, aggregate, { ranges }) {
      const mean = aggregate.mean()
      let next = 0
      for (const [from, to] of ranges) for (let i = from; i < to; i++) weights[i]! += mean[next++]!
    },
  }
}

function personalClient(
  isPersonal: PersonalTensors,
  shared: (layout: Layout) => readonly boolean[],
  { weighting, phases }: { readonly weighting: 'samples' | 'equal'; readonly phases: readonly Phase[] },
): ClientPart<PersonalValues> {
  const withOwn = (weights: Float32Array, { personal }: PersonalValues, ranges: readonly Range[]) =>
    personal.length === 0 ? weights : overlaid(weights, personal, ranges)
  return {
    needs: phases.some(({ trains }) => trains !== 'all') ? ['start', 'work', 'trainable'] : ['start'],
    init: () => ({ personal: new Float32Array() }),
    personal: (weights, own, layout) => withOwn(weights, own, rangesOf(layout, isPersonal(layout))),
    async train({ round, weights: came }: ClientAssignment, own, learner) {
      const weights = await wholeWeights({ shared }, came, learner)
      const mask = isPersonal(learner.layout)
      const ranges = rangesOf(learner.layout, mask)
      const begin = withOwn(weights, own, ranges)
      // The delta of a personal value is relative to 0, so that it is the value itself, without a rounding.
      const base = weights.slice()
      for (const [from, to] of ranges) base.fill(0, from, to)
      let start = begin
      let trained: (Pick<Contribution, 'samples' | 'metrics'> & { readonly delta: Float32Array }) | undefined
      for (const [index, { trains, epochs }] of phases.entries()) {
        const trainable = trains === 'all' ? undefined : mask.map((each) => each === (trains === 'personal'))
        if (trainable && !trainable.includes(true)) continue
        const last = index === phases.length - 1
        const choices = {
          start,
          base: last ? base : new Float32Array(weights.length),
          ...(trainable && { trainable }),
          ...(epochs === undefined ? {} : { work: { epochs } }),
          ...(phases.length > 1 && { label: trains }),
        }
        trained = await learner.train({ round, weights, terms: {}, ...choices })
        start = trained.delta
      }
      if (!trained) throw new TypeError('the model has no tensors')
      const { delta, samples, metrics } = trained
      const weight = weighting === 'equal' ? 1 : samples
      const sent = gathered(delta, rangesOf(learner.layout, shared(learner.layout)))
      return {
        contribution: { vectors: { delta: sent }, weight, samples, metrics },
        own: { personal: gathered(delta, ranges) },
      }
    },
  }
}
