import type { LayerSettings } from '../layer-settings.ts'
import { batchNormalization } from '../ops/batch-normalization.ts'
import { groupNormalization } from '../ops/group-normalization.ts'
import type { Tensor } from '../plan.ts'
import type { LayerBuilder } from './layer-builder.ts'

export const normalizationLayers: Readonly<Record<string, LayerBuilder>> = {
  BatchNormalization(plan, settings, [x]) {
    const momentum = settings.number('momentum', 0.99)
    if (!(momentum >= 0 && momentum <= 1)) throw settings.refuseValue('momentum', 'numbers from 0 to 1')
    return batchNormalization(
      plan,
      {
        ...common(settings, x),
        momentum,
        movingMeanInitializer: settings.initializer('moving_mean_initializer', 'zeros'),
        movingVarianceInitializer: settings.initializer('moving_variance_initializer', 'ones'),
      },
      x,
    )
  },
  GroupNormalization(plan, settings, [x]) {
    const groups = settings.count('groups', 32)
    const channels = x.shape.at(-1) ?? 1
    if (channels % groups !== 0) throw settings.refuse(`has ${groups} groups, which don't divide ${channels} channels`)
    return groupNormalization(plan, { ...common(settings, x), groups }, x)
  },
}

function common(settings: LayerSettings, x: Tensor) {
  const gamma = settings.initializer('gamma_initializer', 'ones')
  const beta = settings.initializer('beta_initializer', 'zeros')
  const epsilon = settings.number('epsilon', 1e-3)
  if (!(epsilon > 0)) throw settings.refuseValue('epsilon', 'numbers above 0')
  settings.only('axis', -1, x.shape.length)
  return {
    name: settings.name,
    epsilon,
    gammaInitializer: settings.flag('scale', true) ? gamma : undefined,
    betaInitializer: settings.flag('center', true) ? beta : undefined,
  }
}
