import { type Layout, sizeOf } from '../../../weights/layout.ts'
import type { ClientAssignment, ClientPart, Contribution } from '../../algorithm.ts'
import { strategyError } from '../../errors.ts'

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
 * A client with personal tensors: it trains from the round's shared values and its own personal values, in phases that
 * follow each other, and sends a delta whose personal values are 0. So the server's personal values stay the initial ones,
 * from which each client begins.
 */
export function partlyPersonal(
  isPersonal: PersonalTensors,
  { weighting, phases }: { readonly weighting: 'samples' | 'equal'; readonly phases: readonly Phase[] },
): ClientPart<PersonalValues> {
  const withOwn = (weights: Float32Array, { personal }: PersonalValues, ranges: readonly Range[]) =>
    personal.length === 0 ? weights : overlaid(weights, personal, ranges)
  return {
    needs: phases.some(({ trains }) => trains !== 'all') ? ['start', 'work', 'trainable'] : ['start'],
    init: () => ({ personal: new Float32Array() }),
    personal: (weights, own, layout) => withOwn(weights, own, personalRanges(layout, isPersonal(layout))),
    async train({ round, weights }: ClientAssignment, own, learner) {
      const mask = isPersonal(learner.layout)
      const ranges = personalRanges(learner.layout, mask)
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
      const kept = { personal: packed(delta, ranges) }
      for (const [from, to] of ranges) delta.fill(0, from, to)
      return { contribution: { vectors: { delta }, weight, samples, metrics }, own: kept }
    },
  }
}

/** Indices of the first value, and after the last value, of a personal tensor. */
type Range = readonly [from: number, to: number]

function personalRanges({ tensors }: Layout, mask: readonly boolean[]): Range[] {
  let from = 0
  return tensors.flatMap(({ shape }, index) => {
    const begin = from
    from += sizeOf(shape)
    return mask[index] ? [[begin, from] as const] : []
  })
}

function packed(weights: Float32Array, ranges: readonly Range[]): Float32Array {
  return Float32Array.from(ranges.flatMap(([from, to]) => [...weights.subarray(from, to)]))
}

function overlaid(weights: Float32Array, personal: Float32Array, ranges: readonly Range[]): Float32Array {
  const whole = weights.slice()
  let next = 0
  for (const [from, to] of ranges) {
    whole.set(personal.subarray(next, next + to - from), from)
    next += to - from
  }
  return whole
}
