import { learnError } from '../errors.ts'
import type { LayerGraph } from './layer-graph.ts'
import { layerBuilders } from './layers.ts'
import { Plan, type PlanSize, type Tensor, tensorSize } from './plan.ts'

/** A model laid out in memory, and the operations of its layers in order. */
export interface CompiledModel {
  readonly plan: Plan
  readonly input: Tensor
  readonly output: Tensor
  /** Room for a batch's features as bytes. */
  readonly bytes: number
  /** One float32 an example. */
  readonly labels: number
}

/**
 * Compiles a model for passes of at most `batch` examples.
 *
 * @throws LEARN_ENGINE_MODEL naming the layer and what isn't known of it.
 */
export function compile(graph: LayerGraph, size: PlanSize): CompiledModel {
  const plan = new Plan(size)
  const input = plan.tensor(graph.inputShape, 'input')
  const tensors = new Map<string, Tensor>([['input', input]])
  for (const layer of graph.layers) {
    const build = layerBuilders[layer.className]
    if (!build) {
      throw learnError('LEARN_ENGINE_MODEL', {
        reason: `layer ${layer.name} is a ${layer.className}, which it doesn't know`,
      })
    }
    const [first, ...others] = layer.inputs.map((name) => tensors.get(name))
    if (!first || !others.every((tensor) => tensor !== undefined)) {
      throw learnError('LEARN_ENGINE_MODEL', { reason: `layer ${layer.name} takes what no layer before it gives` })
    }
    tensors.set(layer.name, build(plan, layer, [first, ...others]))
  }
  const output = tensors.get(graph.output)
  if (!output) throw learnError('LEARN_ENGINE_MODEL', { reason: `it ends with ${graph.output}, which is no layer` })
  return {
    plan,
    input,
    output,
    bytes: plan.allocate(plan.batch * tensorSize(input)),
    labels: plan.allocate(4 * plan.batch),
  }
}
