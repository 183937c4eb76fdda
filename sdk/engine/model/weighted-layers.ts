import { conv2d } from '../ops/convolution.ts'
import { dense } from '../ops/dense.ts'
import { depthwiseConv2d } from '../ops/depthwise-conv2d.ts'
import { type Activation, activation } from '../ops/elementwise.ts'
import { embedding } from '../ops/embedding.ts'
import { maskOfZeros } from '../ops/sequence.ts'
import type { Plan, Tensor } from '../plan.ts'
import { type LayerBuilder, type LayerSettings, windowOver } from './layer-settings.ts'

const rectifier = (slope = 0, most = Number.POSITIVE_INFINITY): Activation => ({ type: 'rectifier', slope, most })

const named: Readonly<Record<string, Activation>> = {
  linear: { type: 'linear' },
  relu: rectifier(),
  relu6: rectifier(0, 6),
  sigmoid: { type: 'sigmoid' },
  tanh: { type: 'tanh' },
}

/** A layer's activation, linear by default. Softmax is refused: the engine has it only within its loss. */
function activationOf(settings: LayerSettings): Activation {
  const values = `one of ${Object.keys(named).join(', ')}`
  const name = String(settings.value('activation', values, 'linear') ?? 'linear')
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

/** Layers with weights that are multiplied or looked up. */
export const weightedLayers: Readonly<Record<string, LayerBuilder>> = {
  Dense(plan, settings, [x]) {
    return withActivation(plan, settings, (relu) =>
      dense(plan, { name: settings.name, units: settings.count('units'), relu, ...settings.initializers() }, x),
    )
  },
  Conv2D(plan, settings, [x]) {
    undilated(settings)
    const { name } = settings
    const window = windowOver(settings, x, settings.pair('kernel_size'), settings.pair('strides', [1, 1]))
    return withActivation(plan, settings, (relu) =>
      conv2d(plan, { name, filters: settings.count('filters'), ...window, relu, ...settings.initializers() }, x),
    )
  },
  DepthwiseConv2D(plan, settings, [x]) {
    undilated(settings)
    settings.only('depth_multiplier', 1)
    const { name } = settings
    const window = windowOver(settings, x, settings.pair('kernel_size'), settings.pair('strides', [1, 1]))
    const kind = activationOf(settings)
    const initializers = settings.initializers('depthwise_initializer')
    return activation(plan, name, kind, depthwiseConv2d(plan, { name, ...window, ...initializers }, x))
  },
  Embedding(plan, settings, [x]) {
    const length = settings.value('input_length')
    if (x.shape.length !== 1 || (length !== undefined && Number(length) !== x.shape[0])) {
      throw settings.refuse(`takes a list of ${length ?? 'some'} numbers, but gets [${x.shape}]`)
    }
    if (x.gradient !== 0) throw settings.refuse('takes the output of another layer: only a model can begin with it')
    const mask = settings.flag('mask_zero', false) ? maskOfZeros(plan, settings.name, x) : undefined
    const y = embedding(
      plan,
      {
        name: settings.name,
        rows: settings.count('input_dim'),
        channels: settings.count('output_dim'),
        initializer: settings.initializer('embeddings_initializer', 'randomUniform'),
      },
      x,
    )
    return { ...y, mask }
  },
}

/** The products themselves apply plain relu. Other activations are operations after the product. */
function withActivation(plan: Plan, settings: LayerSettings, product: (relu: boolean) => Tensor): Tensor {
  const kind = activationOf(settings)
  return isPlainRelu(kind) ? product(true) : activation(plan, settings.name, kind, product(false))
}

function isPlainRelu(kind: Activation): boolean {
  return kind.type === 'rectifier' && kind.slope === 0 && kind.most === Number.POSITIVE_INFINITY
}

function undilated(settings: LayerSettings): void {
  const [y, x] = settings.pair('dilation_rate', [1, 1])
  if (y * x !== 1) throw settings.refuseValue('dilation_rate', 'only 1')
}
