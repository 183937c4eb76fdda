import { type Curve, prelu } from '../ops/curve.ts'
import { type Activation, activation } from '../ops/elementwise.ts'
import type { Plan, Tensor } from '../plan.ts'
import { type LayerBuilder, type LayerSettings, requireLastAxis } from './layer-settings.ts'

const rectifier = (slope = 0, most = Number.POSITIVE_INFINITY): Activation => ({ type: 'rectifier', slope, most })
const curve = (name: Curve['curve'], a = 0, b = 1): Activation => ({ type: 'curve', curve: name, a, b })

/** Numbers of the self-normalizing activation (Klambauer et al., NeurIPS 2017). */
const seluScale = 1.0507009873554805
const seluAlpha = 1.6732632423543772

/** Activations by their names in TensorFlow.js. Keras JSON has the names with underscores, too. */
const named: Readonly<Record<string, Activation>> = {
  linear: { type: 'linear' },
  elu: curve('elu', 1),
  gelu: curve('gelu'),
  gelu_new: curve('geluTanh'),
  hardSigmoid: curve('hardSigmoid'),
  mish: curve('mish'),
  relu: rectifier(),
  relu6: rectifier(0, 6),
  selu: curve('elu', seluScale * seluAlpha, seluScale),
  sigmoid: { type: 'sigmoid' },
  silu: curve('swish'),
  softmax: { type: 'softmax' },
  softplus: curve('softplus'),
  softsign: curve('softsign'),
  swish: curve('swish'),
  tanh: { type: 'tanh' },
}

const aliases: Readonly<Record<string, string>> = { geluNew: 'gelu_new', hard_sigmoid: 'hardSigmoid' }

/** A layer's activation, linear by default. */
export function activationOf(settings: LayerSettings): Activation {
  const values = `one of ${Object.keys(named).join(', ')}`
  const name = String(settings.value('activation', values, 'linear') ?? 'linear')
  const kind = named[aliases[name] ?? name]
  if (!kind) throw settings.refuseValue('activation', Object.keys(named).join(', '))
  return kind
}

/** Adds a product with the layer's activation. Products apply plain relu themselves; others are operations after it. */
export function withActivation(plan: Plan, settings: LayerSettings, product: (relu: boolean) => Tensor): Tensor {
  const kind = activationOf(settings)
  return isPlainRelu(kind) ? product(true) : activation(plan, settings.name, kind, product(false))
}

function isPlainRelu(kind: Activation): boolean {
  return kind.type === 'rectifier' && kind.slope === 0 && kind.most === Number.POSITIVE_INFINITY
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
  ELU: (plan, settings, [x]) => activation(plan, settings.name, curve('elu', settings.number('alpha', 1)), x),
  ThresholdedReLU: (plan, settings, [x]) =>
    activation(plan, settings.name, curve('threshold', settings.number('theta', 1)), x),
  PReLU(plan, settings, [x]) {
    return prelu(
      plan,
      {
        name: settings.name,
        shared: sharesPixels(settings, x),
        initializer: settings.initializer('alpha_initializer', 'zeros'),
      },
      x,
    )
  },
  Softmax(plan, settings, [x]) {
    // Without an axis, TensorFlow.js's layer uses axis 1.
    requireLastAxis(settings, x, 1)
    return activation(plan, settings.name, { type: 'softmax' }, x)
  },
}

/** Whether all pixels share their slopes. @throws LEARN_ENGINE_MODEL for other axes than none, or all but the last. */
function sharesPixels(settings: LayerSettings, { shape }: Tensor): boolean {
  const given = settings.value('shared_axes', 'none, or all but the last', []) ?? []
  const axes: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (axes.length === 0) return false
  const all = Array.from({ length: shape.length - 1 }, (_, axis) => axis + 1)
  const isAll = all.length > 0 && axes.length === all.length && all.every((axis) => axes.includes(axis))
  if (!isAll) throw settings.refuseValue('shared_axes', all.length > 0 ? `none, and [${all}]` : 'none')
  return true
}
