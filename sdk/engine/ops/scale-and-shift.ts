import type { InitializerSpec } from '../../learn/initializer.ts'
import { channelWeights } from '../channel-weights.ts'
import { type Plan, paddedTo8 } from '../plan.ts'
import type { ScaleAndShift } from './normalization.ts'

/** The weights of a normalization; without an initializer, values that leave things as they are. */
export interface NormalizationWeights {
  readonly name: string
  readonly epsilon: number
  readonly gammaInitializer: InitializerSpec | undefined
  readonly betaInitializer: InitializerSpec | undefined
}

const one = 0x3f800000

export function scaleAndShift(plan: Plan, weights: NormalizationWeights, channels: number): ScaleAndShift {
  const { name, gammaInitializer, betaInitializer } = weights
  const pitch = paddedTo8(channels)
  const row = (weight: string, initializer: InitializerSpec) =>
    channelWeights(plan, {
      name: `${name}/${weight}`,
      shape: [channels],
      rows: 1,
      channels,
      initializer,
      trained: true,
    })
  return {
    gamma: gammaInitializer
      ? row('gamma', gammaInitializer)
      : plan.table(Array.from({ length: pitch }, (_, channel) => (channel < channels ? one : 0))),
    gammaTrained: gammaInitializer !== undefined,
    beta: betaInitializer ? row('beta', betaInitializer) : plan.allocate(4 * pitch),
    betaTrained: betaInitializer !== undefined,
  }
}
