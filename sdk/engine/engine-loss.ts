import type { FittedLoss } from '../learn/fitted-loss.ts'
import { type LastActivation, type Loss, lossApplies, passingClasses, recurrentClasses } from '../learn/loss.ts'
import { modelError } from '../learn/model-errors.ts'
import type { Kernels } from './kernels.ts'
import type { LayerGraph, LayerNode } from './model/layer-graph.ts'

/** Outputs of a pass, and the target of their gradient: addresses in the engine's memory. */
export interface LossRows {
  readonly outputs: number
  /** Bytes from one row of outputs to the next. */
  readonly pitch: number
  readonly examples: number
  /** Address of the targets, float32. */
  readonly targets: number
  /** Address of the rows' weights, float64. */
  readonly weights: number
  /** Address of the gradient. 0: no gradient. */
  readonly gradient: number
  /** Factor of the gradient of the examples' losses. */
  readonly scale: number
}

export interface LossSums {
  /** Sum of the examples' losses. */
  readonly loss: number
  /** Number of rows with the right class, or of outputs with the right label. Absent for a loss without classes. */
  readonly correct?: number
  /** For several outputs, each with a loss: the sum of each one's. */
  readonly byOutput?: Float64Array
}

/** A loss by the engine's kernels, with value and gradient. */
export interface EngineLoss {
  readonly fitted: FittedLoss
  /** Whether the loss has one target an example, whose weight is 1: `weights` of the rows aren't read. */
  readonly isPlain: boolean
  run(kernels: Kernels, rows: LossRows): LossSums
}

/** The kernels of a loss, which is no composition of operations. */
export function engineLoss(fitted: FittedLoss): EngineLoss {
  const { loss, rows: perExample, size, targets, weighted } = fitted
  const { name, labelSmoothing, delta } = loss
  const isPlain = perExample === 1 && targets === 1 && !weighted && labelSmoothing === 0
  const plain = isPlain ? plainKernels[name] : undefined
  const of = ({ outputs, pitch, examples, targets, weights }: LossRows) =>
    [outputs, pitch, examples * perExample, size, targets, weights] as const
  const kind = ['meanSquaredError', 'meanAbsoluteError', 'huber'].indexOf(name)
  return {
    fitted,
    isPlain: plain !== undefined,
    run(kernels, rows) {
      const { gradient, scale } = rows
      if (plain) {
        const sum = plain(kernels, rows, size)
        return loss.targets === 'values' ? { loss: sum } : { loss: sum, correct: Number(kernels.correct.value) }
      }
      if (kind >= 0) return { loss: kernels.errorRows(kind, delta, ...of(rows), gradient, scale) }
      const kernel = loss.targets === 'classes' ? kernels.softmaxRows : kernels.sigmoidRows
      const sum = kernel(...of(rows), labelSmoothing, gradient, scale)
      return { loss: sum, correct: Number(kernels.correct.value) }
    },
  }
}

type PlainKernel = (kernels: Kernels, rows: LossRows, size: number) => number

/** Losses with one target an example, all of the weight 1. */
const plainKernels: Readonly<Record<string, PlainKernel>> = {
  softmaxCrossEntropy: (kernels, { outputs, pitch, examples, targets, gradient, scale }, size) =>
    kernels.softmaxCrossEntropy(outputs, pitch, examples, size, targets, gradient, scale),
  sigmoidCrossEntropy: (kernels, { outputs, pitch, examples, targets, gradient, scale }) =>
    kernels.sigmoidCrossEntropy(outputs, pitch, examples, targets, gradient, scale),
  meanSquaredError: (kernels, { outputs, pitch, examples, targets, gradient, scale }) =>
    kernels.squaredError(outputs, pitch, examples, targets, gradient, scale),
}

/** A model's graph without its last activation. */
interface GraphWithout {
  readonly graph: LayerGraph
  /** The layer whose activation is left out. */
  readonly layer: string
  /**
   * Returns the activation if the loss takes this graph's outputs. LEARN_LAST_ACTIVATION as `lossApplies`.
   *
   * @param outputs Number of outputs of one row.
   */
  isFor(loss: Loss, shape: readonly number[], outputs: number): LastActivation | undefined
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

/** A graph whose outputs lack their last activations, where the loss of the output applies this activation. */
interface GraphWithoutSeveral {
  readonly graph: LayerGraph
  /** By the name of the output. */
  readonly activations: ReadonlyMap<string, LastActivation>
}

/**
 * Leaves out the last activation of each output whose loss applies it.
 *
 * @param shapesOf Compiles a graph, and gives the shapes of its layers' outputs.
 * @throws LEARN_LAST_ACTIVATION as `lossApplies`, and for an output that other layers take with its activation.
 */
export function withoutLastActivations(
  graph: LayerGraph,
  losses: NonNullable<Loss['outputs']>,
  shapesOf: (graph: LayerGraph) => ReadonlyMap<string, readonly number[]>,
): GraphWithoutSeveral {
  const activations = new Map<string, LastActivation>()
  let bare = graph
  for (const end of new Set(graph.outputs ?? [graph.output])) {
    const loss = losses[end]?.loss
    const without = loss && withoutLastActivation({ ...bare, output: end })
    if (!without) continue
    const shapes = shapesOf({ ...without.graph, output: graph.output })
    const found = without.isFor(loss, shapes.get(without.layer) ?? [], shapes.get(end)?.at(-1) ?? 1)
    if (!found) continue
    if (isTakenByOthers(graph, end, without.layer)) {
      const reason = 'other layers, or another output, take it with this activation'
      const instead = 'end the output with a layer of its own, which has this activation'
      throw modelError('LEARN_LAST_ACTIVATION', { ...found, loss: loss.name, reason, instead })
    }
    activations.set(end, found)
    bare = { ...without.graph, output: graph.output }
  }
  return { graph: bare, activations }
}

/** Whether more than one layer takes a value between a layer and the output that ends with it. */
function isTakenByOthers(graph: LayerGraph, end: string, layer: string): boolean {
  for (let name: string | undefined = end; name !== undefined; name = nodeOf(graph, name)?.inputs[0]) {
    const taker = name
    if (graph.layers.flatMap(({ inputs }) => inputs).filter((input) => input === taker).length > 1) return true
    if (name === layer) return false
  }
  return false
}

function nodeOf({ layers }: LayerGraph, name: string | undefined): LayerNode | undefined {
  return layers.find((layer) => layer.name === name)
}

function passes({ className, config }: LayerNode): boolean {
  return passingClasses.includes(className) || (className === 'Activation' && config.activation === 'linear')
}
