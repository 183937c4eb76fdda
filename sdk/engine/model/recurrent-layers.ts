import { forgetBias } from '../../learn/initializer.ts'
import { fanOut } from '../ops/elementwise.ts'
import { type CellActivation, cellActivations, type RecurrentSettings, recurrent } from '../ops/recurrent.ts'
import { masking, merged, mergeModes } from '../ops/sequence.ts'
import type { Tensor } from '../plan.ts'
import type { LayerNode } from './layer-graph.ts'
import { type LayerBuilder, LayerSettings } from './layer-settings.ts'
import { weightedLayers } from './weighted-layers.ts'

/** Layers over [steps, channels]. */
export const recurrentLayers: Readonly<Record<string, LayerBuilder>> = {
  LSTM: (plan, settings, [x]) => recurrent(plan, recurrentSettings(settings, 'lstm', x), x),
  GRU: (plan, settings, [x]) => recurrent(plan, recurrentSettings(settings, 'gru', x), x),
  SimpleRNN: (plan, settings, [x]) => recurrent(plan, recurrentSettings(settings, 'simple', x), x),
  Masking(plan, settings, [x]) {
    requireSteps(settings, x)
    return masking(plan, settings.name, settings.number('mask_value', 0), x)
  },
  TimeDistributed(plan, settings, [x]) {
    const { className, config } = settings.layer('layer')
    if (className !== 'Dense' || !weightedLayers.Dense) {
      throw settings.refuse(`wraps a layer of class ${className}; it knows Dense`)
    }
    if (x.shape.length < 2) throw settings.refuse(`takes [steps, channels], but gets [${x.shape}]`)
    const inner = new LayerSettings({ name: settings.name, className, config, inputs: [] })
    const y = weightedLayers.Dense(plan, inner, [x])
    inner.refuseOthers()
    return y
  },
  Bidirectional(plan, settings, [x]) {
    const { name } = settings
    const mode = settings.oneOf('merge_mode', mergeModes, 'concat')
    const inner = settings.layer('layer')
    const cell = cellOf(inner)
    if (!cell) throw settings.refuse(`wraps a layer of class ${inner.className}; it knows LSTM, GRU, SimpleRNN`)
    const innerSettings = new LayerSettings(inner)
    const ahead = recurrentSettings(innerSettings, cell, x)
    innerSettings.refuseOthers()
    const [first = x, second = x] = fanOut(plan, name, x, 2)
    const a = recurrent(plan, { ...ahead, name: `${name}/forward_${inner.name}` }, first)
    const back: RecurrentSettings = {
      ...ahead,
      name: `${name}/backward_${inner.name}`,
      backwards: !ahead.backwards,
      returns: ahead.returns === 'each' ? 'each reversed' : 'last',
    }
    return merged(plan, name, mode, a, recurrent(plan, back, second))
  },
}

function cellOf({ className }: LayerNode): RecurrentSettings['cell'] | undefined {
  if (className === 'LSTM') return 'lstm'
  if (className === 'GRU') return 'gru'
  return className === 'SimpleRNN' ? 'simple' : undefined
}

function requireSteps(settings: LayerSettings, { shape }: Tensor): void {
  if (shape.length !== 2) throw settings.refuse(`takes [steps, channels], but gets [${shape}]`)
  if (shape[0] === 0) throw settings.refuse('takes sequences of at least one step, but gets sequences of length 0')
}

/** A recurrent layer's settings, with the defaults of TensorFlow.js. */
function recurrentSettings(settings: LayerSettings, cell: RecurrentSettings['cell'], x: Tensor): RecurrentSettings {
  requireSteps(settings, x)
  const { name } = settings
  const units = settings.count('units')
  const activation = activationOf(settings, 'activation', 'tanh')
  const recurrentActivation =
    cell === 'simple' ? 'linear' : activationOf(settings, 'recurrent_activation', 'hardSigmoid')
  const returns = settings.flag('return_sequences', false) ? 'each' : 'last'
  const backwards = settings.flag('go_backwards', false)
  const { kernelInitializer, biasInitializer: bias } = settings.initializers()
  const recurrentInitializer = settings.initializer('recurrent_initializer', 'orthogonal')
  const opensForgetGates = cell === 'lstm' && settings.flag('unit_forget_bias', false)
  const biasInitializer = bias && opensForgetGates ? forgetBias(bias) : bias
  if (cell === 'gru') settings.only('reset_after', false)
  settings.only('stateful', false)
  settings.only('return_state', false)
  settings.only('dropout', 0)
  settings.only('recurrent_dropout', 0)
  // TensorFlow.js ignores both.
  settings.value('unroll')
  settings.value('implementation')
  return {
    ...{ name, cell, units, activation, recurrentActivation, backwards, returns },
    ...{ kernelInitializer, recurrentInitializer, biasInitializer },
  }
}

function activationOf(settings: LayerSettings, setting: string, otherwise: CellActivation): CellActivation {
  const known = Object.keys(cellActivations).join(', ')
  const given = String(settings.value(setting, `one of ${known}`, otherwise) ?? otherwise).replace(
    /_(\w)/g,
    (_, letter: string) => letter.toUpperCase(),
  )
  if (isCellActivation(given)) return given
  throw settings.refuseValue(setting, known)
}

function isCellActivation(name: string): name is CellActivation {
  return Object.hasOwn(cellActivations, name)
}
