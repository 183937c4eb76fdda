import { learnError } from '../learn/errors.ts'
import type { LayerGraph, LayerNode } from './model/layer-graph.ts'
import { LayerSettings } from './model/layer-settings.ts'
import { layerBuilders } from './model/layers.ts'
import { outputMask } from './model/masks.ts'
import { fanOut } from './ops/elementwise.ts'
import { inPixels } from './ops/shaping.ts'
import { Plan, type PlanSize, type Tensor, tensorSize } from './plan.ts'

/** A model with its memory layout, and the operations of its layers in order. */
export interface CompiledModel {
  readonly plan: Plan
  readonly input: Tensor
  readonly output: Tensor
  /** By layer: its output, and the number of operations up to it. */
  readonly layers: ReadonlyMap<string, { readonly tensor: Tensor; readonly ops: number }>
  /** By layer: the shape of its output for one example. */
  readonly shapes: ReadonlyMap<string, readonly number[]>
  /** Address of the memory for a batch's features as bytes. */
  readonly bytes: number
  /** Address of the targets, float32. */
  readonly targets: number
  /** Address of a float64 weight for each row of outputs. */
  readonly weights: number
}

export interface CompiledSize extends PlanSize {
  /** Number of values of an example's target. Default 1. */
  readonly targets?: number
  /** Number of rows of an example's outputs that have weights. Default 0. */
  readonly weighedRows?: number
  /** Whether the model may end with another shape than a vector: with rows of outputs. Default: no. */
  readonly inRows?: boolean
}

/**
 * Compiles a model for passes of at most `size.batch` examples.
 *
 * @throws LEARN_ENGINE_MODEL naming the layer, and the unknown setting if any.
 */
export function compile(graph: LayerGraph, size: CompiledSize): CompiledModel {
  const { targets = 1, weighedRows = 0, inRows = false } = size
  const plan = new Plan(size)
  const input = plan.tensor(graph.inputShape, graph.inputGradient ? 'inner' : 'input')
  const consumers = countConsumers(graph)
  /** The outputs of each layer, one tensor for each consumer. */
  const tensors = new Map<string, Tensor[]>()
  const shapes = new Map<string, readonly number[]>()
  const layers = new Map<string, { readonly tensor: Tensor; readonly ops: number }>()
  const keep = (name: string, tensor: Tensor) => {
    layers.set(name, { tensor, ops: plan.ops.length })
    shapes.set(name, tensor.shape)
    tensors.set(name, fanOut(plan, name, tensor, consumers.get(name) ?? 0))
  }
  const take = (name: string) => tensors.get(name)?.pop()
  keep('input', input)
  for (const layer of graph.layers) keep(layer.name, build(plan, layer, layer.inputs.map(take)))

  const last = take(graph.output)
  if (!last) throw unfit(`it ends with ${graph.output}, which is no layer`)
  if (last.shape.length !== 1 && !inRows)
    throw unfit(`it ends with the shape [${last.shape}]: let a flatten layer be the last`)
  const output = inPixels(plan, 'output', last)
  return {
    plan,
    input,
    output,
    layers,
    shapes,
    bytes: plan.allocate(plan.batch * tensorSize(input)),
    targets: plan.allocate(4 * plan.batch * targets),
    weights: plan.allocate(8 * plan.batch * weighedRows),
  }
}

function countConsumers(graph: LayerGraph): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of [graph.output, ...graph.layers.flatMap(({ inputs }) => inputs)]) {
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

function build(plan: Plan, layer: LayerNode, given: readonly (Tensor | undefined)[]): Tensor {
  const { name, className } = layer
  const builder = layerBuilders[className]
  if (!builder) throw unfit(`layer ${name} is of class ${className}, which it doesn't know`)
  const inputs = given.filter((tensor) => tensor !== undefined)
  const [first, ...others] = inputs
  if (!first || inputs.length < given.length) throw unfit(`layer ${name} takes what no layer before it gives`)
  const settings = new LayerSettings(layer)
  const output = builder(plan, settings, [first, ...others])
  settings.refuseOthers()
  return { ...output, mask: outputMask(layer, settings, inputs, output) }
}

function unfit(reason: string): Error {
  return learnError('LEARN_ENGINE_MODEL', { reason })
}
