import type { Examples } from '../data/examples.ts'
import { learnError } from '../learn/errors.ts'
import { checkTargets, fittedLoss, type ModelOutput, type OutputPart } from '../learn/fitted-loss.ts'
import { initialValues } from '../learn/initializer.ts'
import type { Learner, Products } from '../learn/learner.ts'
import { oneAtATime } from '../learn/local-training.ts'
import { type LastActivation, type Loss, lastActivationRemark } from '../learn/loss.ts'
import { checkMetrics, type Metric } from '../learn/metrics.ts'
import { predictionsOf } from '../learn/predictions.ts'
import type { Steps } from '../learn/steps.ts'
import type { RandomStream } from '../random/random-stream.ts'
import { type Layout, layoutOf, sizeOf, tensorViews } from '../weights/layout.ts'
import { type CompiledModel, compile } from './compile.ts'
import { engine, inLayoutOrder } from './engine.ts'
import { withoutLastActivation, withoutLastActivations } from './engine-loss.ts'
import { engineParts } from './engine-parts.ts'
import { evaluateOnEngine, outputsOfEngine, trainOnEngine } from './engine-training.ts'
import { isOfGraph, type LayerGraph, layerGraph, requireLoadableNames } from './model/layer-graph.ts'
import { fusedProducts, moduleOf } from './products/product-modules.ts'

interface ModelEnd extends ModelOutput {
  readonly lastActivation: LastActivation | undefined
}

/** A model that the engine can run, before its memory is allocated. */
export interface EngineModel {
  /** Ends with the loss's input. */
  readonly graph: LayerGraph
  /** The activation at the end of the topology that the graph leaves out, since the loss applies it. */
  readonly lastActivation: LastActivation | undefined
  /** The outputs, for a loss of each. Of several outputs each has a last activation of its own. */
  readonly ends: readonly ModelEnd[]
  readonly layout: Layout
  readonly topology: unknown
  /** Names of the weights that steps move. */
  readonly trained: ReadonlySet<string>
  /** Number of output values for one example, and their shape. */
  readonly outputs: number
  readonly outputShape: readonly number[]
  initialWeights(random: RandomStream): Float32Array
}

/**
 * Reads a topology as a model to train with a loss, or, without one, as a part of a model whose outputs go elsewhere.
 * With `adapters`, dense and attention layers have adapters beside their kernels.
 *
 * @throws LEARN_ENGINE_MODEL, naming the layer or setting that the engine doesn't know; LEARN_LAST_ACTIVATION.
 */
export function engineModel(topology: unknown, loss?: Loss, adapters?: LayerGraph['adapters']): EngineModel {
  const { graph, compiled, lastActivation, ends } = forLoss({ ...layerGraph(topology), adapters }, loss)
  const { output } = compiled
  const slots = inLayoutOrder(compiled.slots)
  requireLoadableNames(
    graph.order ?? graph.layers.map(({ name }) => name),
    slots.map(({ name }) => name),
  )
  const layout = layoutOf(slots.map(({ name, shape }) => ({ name, shape })))
  return {
    graph,
    lastActivation,
    ends,
    layout,
    topology,
    trained: new Set(slots.flatMap(({ name, trained }) => (trained ? [name] : []))),
    outputs: output.pixels * output.channels,
    outputShape: output.shape,
    initialWeights(random) {
      const weights = new Float32Array(layout.size)
      const views = tensorViews(layout, weights)
      for (const { name, shape, initializer } of slots) {
        views.get(name)?.set(initialValues({ name, shape }, initializer, random))
      }
      return weights
    },
  }
}

interface ForLoss extends Pick<EngineModel, 'graph' | 'lastActivation' | 'ends'> {
  readonly compiled: CompiledModel
}

/** The graph without the activation that the loss applies. Unchanged if it doesn't end with one. */
function forLoss(graph: LayerGraph, loss: Loss | undefined): ForLoss {
  const compiledOf = (given: LayerGraph) => compile(given, { batch: 1, trainedBytes: 0, inRows: loss !== undefined })
  if (loss?.outputs) {
    const { graph: bare, activations } = withoutLastActivations(
      graph,
      loss.outputs,
      (given) => compiledOf(given).shapes,
    )
    const compiled = compiledOf(bare)
    const ends = (graph.outputs ?? [graph.output]).map((name) => ({
      ...{ name, shape: compiled.shapes.get(name) ?? compiled.output.shape, lastActivation: activations.get(name) },
    }))
    return { graph: bare, compiled, lastActivation: undefined, ends }
  }
  const without = loss && withoutLastActivation(graph)
  if (without) {
    const compiled = compiledOf(without.graph)
    const lastActivation = without.isFor(
      loss,
      compiled.shapes.get(without.layer) ?? [],
      compiled.output.shape.at(-1) ?? 1,
    )
    if (lastActivation) return { graph: without.graph, compiled, lastActivation, ends: [] }
  }
  return { graph, compiled: compiledOf(graph), lastActivation: undefined, ends: [] }
}

/** Applies the last activation of each output, in place. */
function activate(parts: readonly OutputPart[], ends: readonly ModelEnd[], values: Float32Array, size: number): void {
  for (let from = 0; from < values.length; from += size)
    for (const [at, { output, fitted }] of parts.entries()) {
      const end = ends[at]
      if (!end?.lastActivation) continue
      const own = values.subarray(from + output, from + output + fitted.rows * fitted.size)
      predictionsOf(own, end.shape, end.lastActivation, fitted.loss)
    }
}

/** Number of examples in a pass of an evaluation, if memory allows. */
const evaluationBatch = 100

/**
 * A learner that trains a model with the engine's WebAssembly kernels, which give the same bits in every process,
 * thread and browser.
 */
export function engineLearner(model: EngineModel, loss: Loss, steps: Steps, metrics: readonly Metric[] = []): Learner {
  const fitted = fittedLoss(loss, model.outputShape, model.ends)
  checkMetrics(metrics, fitted)
  const { graph, layout, topology, lastActivation } = model
  const { batch } = steps
  const running = engine({ graph, batch: Math.max(batch, evaluationBatch), trainingBatch: batch, fitted })
  if (loss.own?.representation !== undefined) running.tap(loss.own.representation)
  const inputSize = sizeOf(graph.inputShape)
  const check = (examples: Examples, purpose: 'train' | 'evaluate') => {
    if (examples.count < 1) throw learnError('LEARN_EMPTY', { purpose })
    if (sizeOf(examples.shape) !== inputSize)
      throw learnError('LEARN_INPUT', { expected: graph.inputShape, came: examples.shape })
  }
  const { classes } = fitted
  const exclusively = oneAtATime()
  const withProducts = async <Result>(asked: Products | undefined, work: () => Promise<Result>): Promise<Result> => {
    const products = await moduleOf(asked)
    return exclusively(() => {
      running.use(products)
      return work()
    })
  }
  return {
    layout,
    modelTopology: topology,
    ownSteps: steps,
    runsOn: `the engine's WebAssembly kernels`,
    remarks: lastActivation
      ? [lastActivationRemark(loss, lastActivation)]
      : model.ends.flatMap(({ name, lastActivation: last }) => {
          const own = loss.outputs?.[name]?.loss
          return own && last ? [lastActivationRemark(own, last)] : []
        }),
    abilities: [
      ...(['work', 'start', 'trainable', 'losses', 'parts', 'contrastive', 'groups'] as const),
      ...(classes === undefined ? [] : (['classes'] as const)),
    ],
    classes,
    fused: fusedProducts,
    initialWeights: async (random) => model.initialWeights(random),
    check(examples, purpose) {
      check(examples, purpose)
      checkTargets(fitted, examples)
    },
    async train(request) {
      check(request.examples, 'train')
      return withProducts(request.products, () => trainOnEngine(running, fitted, steps, layout, request))
    },
    async evaluate(weights, examples, options) {
      check(examples, 'evaluate')
      return withProducts(options?.products, async () =>
        evaluateOnEngine(running, fitted, { metrics, batch }, weights, examples, options),
      )
    },
    async predict(weights, examples, options) {
      check(examples, 'evaluate')
      const outputs = await withProducts(options?.products, async () => outputsOfEngine(running, weights, examples))
      if (fitted.parts) activate(fitted.parts, model.ends, outputs, model.outputs)
      return predictionsOf(outputs, model.outputShape, lastActivation, loss)
    },
    modelLayers: {
      layers: graph.layers.flatMap((layer) => (isOfGraph(layer) ? [] : [layer.name])),
      untrained: layout.tensors.flatMap(({ name }) => (model.trained.has(name) ? [] : [name])),
    },
    parts: engineParts(model, fitted, Math.max(batch, evaluationBatch)),
  }
}
