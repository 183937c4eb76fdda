import type { LayerSettings } from '../layer-settings.ts'
import { type Activation, activation } from '../ops/activation.ts'
import type { LayerBuilder } from './layer-builder.ts'

const rectifier = (slope = 0, most = Number.POSITIVE_INFINITY): Activation => ({ type: 'rectifier', slope, most })

const named: Readonly<Record<string, Activation>> = {
  linear: { type: 'linear' },
  relu: rectifier(),
  relu6: rectifier(0, 6),
  sigmoid: { type: 'sigmoid' },
  tanh: { type: 'tanh' },
}

/** The activation that a layer names, or none. Softmax is refused: the engine has it only within its loss. */
export function activationOf(settings: LayerSettings): Activation {
  const name = String(settings.value('activation') ?? 'linear')
  const kind = named[name]
  if (kind) return kind
  if (name === 'softmax') throw softmaxRefused(settings)
  throw settings.refuseValue('activation', Object.keys(named).join(', '))
}

function softmaxRefused(settings: LayerSettings): Error {
  return settings.refuse('is a softmax, which it knows only at the end of a model before the loss softmaxCrossEntropy')
}

export const activationLayers: Readonly<Record<string, LayerBuilder>> = {
  Activation: (plan, settings, [x]) => activation(plan, settings.name, activationOf(settings), x),
  ReLU(plan, settings, [x]) {
    settings.only('negative_slope', 0)
    settings.only('threshold', 0)
    const most = settings.number('max_value', Number.POSITIVE_INFINITY)
    if (!(most > 0)) throw settings.refuseValue('max_value', 'numbers above 0')
    return activation(plan, settings.name, rectifier(0, most), x)
  },
  LeakyReLU: (plan, settings, [x]) => activation(plan, settings.name, rectifier(settings.number('alpha', 0.3)), x),
  Softmax(_, settings) {
    throw softmaxRefused(settings)
  },
}
