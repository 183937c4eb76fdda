import { modelError } from '../learn/model-errors.ts'
import { inputSlice, type LayerGraph, type LayerNode, layerOf } from './model/layer-graph.ts'
import { type LayerBuilder, LayerSettings } from './model/layer-settings.ts'
import { layerBuilders } from './model/layers.ts'
import { outputMask } from './model/masks.ts'
import { withRules } from './model/weight-rules.ts'
import { fanOut } from './ops/elementwise.ts'
import { inPixels, slice } from './ops/shaping.ts'
import { Plan, type PlanSize, type Tensor, tensorSize, type WeightSlot } from './plan.ts'

/** A model with its memory layout, and the operations of its layers in order. */
export interface CompiledModel {
  readonly plan: Plan
  /** The weights, in the order of the model's layers. */
  readonly slots: readonly WeightSlot[]
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
  plan.adapters = graph.adapters
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
  const slotsOf = new Map<string, readonly WeightSlot[]>((graph.order ?? []).map((name) => [name, []]))
  const built = new Set<string>()
  for (const layer of graph.layers) {
    const name = layerOf(layer)
    plan.sharing = layer.layer !== undefined
    plan.repeating = plan.sharing && built.has(name)
    const { output, slots } = build(plan, layer, layer.inputs.map(take))
    keep(layer.name, output)
    if (!plan.repeating) slotsOf.set(name, slots)
    built.add(name)
  }

  const last = take(graph.output)
  if (!last) throw unfit(`it ends with ${graph.output}, which is no layer`)
  if (last.shape.length !== 1 && !inRows)
    throw unfit(`it ends with the shape [${last.shape}]: let a flatten layer be the last`)
  const output = inPixels(plan, 'output', last)
  return {
    plan,
    slots: [...slotsOf.values()].flat(),
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

/** Adds a use of a layer to the plan. `slots` are the weights of the layer's first use. */
function build(plan: Plan, layer: LayerNode, given: readonly (Tensor | undefined)[]) {
  const { name, className } = layer
  const builder = className === inputSlice ? sliceOfInputs : layerBuilders[className]
  if (!builder) throw unfit(`layer ${name} is of class ${className}, which it doesn't know`)
  const inputs = given.filter((tensor) => tensor !== undefined)
  const [first, ...others] = inputs
  if (!first || inputs.length < given.length) throw unfit(`layer ${name} takes what no layer before it gives`)
  const settings = new LayerSettings({ ...layer, name: layerOf(layer) })
  const [opsBefore, weightsBefore] = [plan.ops.length, plan.weights.length]
  plan.freezing = !settings.trainable
  const made = builder(plan, settings, [first, ...others])
  const output = { ...made, mask: outputMask(plan, layer, settings, inputs, made) }
  const slots = plan.weights.slice(weightsBefore).map((slot) => withRules(slot, settings))
  if (!plan.repeating) settings.refuseOthers()
  else if (slots.length > 0) throw settings.refuse('is used several times, but cannot share its weights')
  if (settings.trainable) return { output, slots }
  const isNeeded = inputs.some(({ gradient }) => gradient !== 0)
  if (isNeeded) plan.apart ||= slots.length > 0 || plan.repeating
  else withoutBackward(plan, opsBefore)
  return {
    output: isNeeded ? output : { ...output, gradient: 0 },
    slots: slots.map((slot) => ({ ...slot, trained: false })),
  }
}

/** Nothing before these operations needs a gradient, nor do weights of their own. */
function withoutBackward({ ops }: Plan, from: number): void {
  for (const op of ops.splice(from)) ops.push({ ...op, backward: () => {} })
}

const sliceOfInputs: LayerBuilder = (plan, settings, [x]) => {
  const shape = settings.value('shape')
  const lengths = Array.isArray(shape) ? shape.map(Number) : []
  return slice(plan, settings.name, settings.number('from'), lengths, x)
}

function unfit(reason: string): Error {
  return modelError('LEARN_ENGINE_MODEL', { reason })
}
