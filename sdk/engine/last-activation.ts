import { type LastActivation, lossApplies, passingClasses } from '../learn/last-activation.ts'
import type { LossName } from '../learn/loss-name.ts'
import type { LayerGraph, LayerNode } from './layer-graph.ts'

/** A model's graph that gives what its last activation gets. */
export interface GraphWithout {
  readonly graph: LayerGraph
  /** The layer of that activation, which passes on what it gets. */
  readonly layer: string
  /** Whether the loss is to take that graph's outputs: LEARN_LAST_ACTIVATION as `lossApplies`. */
  isFor(loss: LossName, shape: readonly number[], outputs: number): LastActivation | undefined
}

/** Undefined where the model ends with no activation. */
export function withoutLastActivation(graph: LayerGraph): GraphWithout | undefined {
  let node = nodeOf(graph, graph.output)
  while (node && passes(node)) node = nodeOf(graph, node.inputs[0])
  const last = node
  if (!last) return undefined
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
      // Without one, TensorFlow.js's layer takes axis 1.
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
