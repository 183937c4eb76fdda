import {
  type LabelCheck,
  type LastActivation,
  type LossName,
  labelCheck,
  lossApplies,
  passingClasses,
  recurrentClasses,
} from '../learn/loss.ts'
import type { Kernels } from './kernels.ts'
import type { LayerGraph, LayerNode } from './model/layer-graph.ts'

/** Outputs of a pass, and the target of their gradient: addresses in the engine's memory. */
export interface LossRows {
  readonly outputs: number
  /** Bytes from one example's outputs to the next. */
  readonly pitch: number
  readonly examples: number
  /** Number of outputs of one example. */
  readonly size: number
  /** Address of the labels, one float32 for each example. */
  readonly labels: number
  /** Address of the gradient. 0: no gradient. */
  readonly gradient: number
  /** Factor of the gradient of the examples' losses. */
  readonly scale: number
}

export interface LossSums {
  /** Sum of the examples' losses. */
  readonly loss: number
  /** Number of examples with the right class. Absent for a loss without classes. */
  readonly correct?: number
}

/** The loss by the engine's kernels, with value and gradient. */
export interface EngineLoss {
  readonly name: LossName
  readonly check: LabelCheck
  run(kernels: Kernels, rows: LossRows): LossSums
}

/** @throws LEARN_SETTING for an unknown loss, LEARN_OUTPUTS for a loss that doesn't fit the model's outputs. */
export function engineLoss(name: LossName, outputs: number): EngineLoss {
  const check = labelCheck(name, outputs)
  switch (name) {
    case 'softmaxCrossEntropy':
      return {
        name,
        check,
        run: (kernels, { outputs, pitch, examples, size, labels, gradient, scale }) => ({
          loss: kernels.softmaxCrossEntropy(outputs, pitch, examples, size, labels, gradient, scale),
          correct: Number(kernels.correct.value),
        }),
      }
    case 'sigmoidCrossEntropy':
      return {
        name,
        check,
        run: (kernels, { outputs, pitch, examples, labels, gradient, scale }) => ({
          loss: kernels.sigmoidCrossEntropy(outputs, pitch, examples, labels, gradient, scale),
          correct: Number(kernels.correct.value),
        }),
      }
    case 'meanSquaredError':
      return {
        name,
        check,
        run: (kernels, { outputs, pitch, examples, labels, gradient, scale }) => ({
          loss: kernels.squaredError(outputs, pitch, examples, labels, gradient, scale),
        }),
      }
  }
}

/** A model's graph without its last activation. */
interface GraphWithout {
  readonly graph: LayerGraph
  /** The layer whose activation is left out. */
  readonly layer: string
  /** Returns the activation if the loss takes this graph's outputs. LEARN_LAST_ACTIVATION as `lossApplies`. */
  isFor(loss: LossName, shape: readonly number[], outputs: number): LastActivation | undefined
}

/** The graph without its last activation. Undefined where the model doesn't end with an activation. */
export function withoutLastActivation(graph: LayerGraph): GraphWithout | undefined {
  let node = nodeOf(graph, graph.output)
  while (node && passes(node)) node = nodeOf(graph, node.inputs[0])
  const last = node
  if (!last || recurrentClasses.includes(last.className)) return undefined
  const ownLayer = last.className === 'Softmax'
  const activation = ownLayer ? 'softmax' : last.config.activation
  if (typeof activation !== 'string') return undefined
  const { name } = last.config
  const linear: LayerNode = ownLayer
    ? { ...last, className: 'Activation', config: { name, activation: 'linear' } }
    : { ...last, config: { ...last.config, activation: 'linear' } }
  return {
    graph: { ...graph, layers: graph.layers.map((layer) => (layer === last ? linear : layer)) },
    layer: last.name,
    isFor(loss, shape, outputs) {
      // Without an axis, TensorFlow.js's layer uses axis 1.
      const { axis = 1 } = last.config
      if (ownLayer && axis !== -1 && axis !== shape.length) return undefined
      const found = { layer: last.name, activation, values: shape.at(-1) ?? 0 }
      return lossApplies(loss, found, outputs) ? found : undefined
    },
  }
}

function nodeOf({ layers }: LayerGraph, name: string | undefined): LayerNode | undefined {
  return layers.find((layer) => layer.name === name)
}

function passes({ className, config }: LayerNode): boolean {
  return passingClasses.includes(className) || (className === 'Activation' && config.activation === 'linear')
}
