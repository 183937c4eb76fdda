import { initialValues } from '../learn/initializer.ts'
import type { LastActivation } from '../learn/last-activation.ts'
import { requireLoadableNames } from '../learn/layer-names.ts'
import type { LossName } from '../learn/loss-name.ts'
import type { RandomStream } from '../random/random-stream.ts'
import { type Layout, layoutOf, tensorViews } from '../weights/layout.ts'
import { type CompiledModel, compile } from './compile.ts'
import { inLayoutOrder } from './engine.ts'
import { withoutLastActivation } from './last-activation.ts'
import { type LayerGraph, layerGraph } from './layer-graph.ts'

/** A model that the engine runs: what there is to know of it without its memory. */
export interface EngineModel {
  /** Gives what the loss takes. */
  readonly graph: LayerGraph
  /** The activation that the topology ends with and the graph doesn't, since the loss applies it. */
  readonly lastActivation: LastActivation | undefined
  readonly layout: Layout
  readonly topology: unknown
  /** Values that the model gives for one example. */
  readonly outputs: number
  initialWeights(random: RandomStream): Float32Array
}

/**
 * A model to be trained for a loss.
 *
 * @throws LEARN_ENGINE_MODEL, naming what the engine doesn't know of the model; LEARN_LAST_ACTIVATION.
 */
export function engineModel(topology: unknown, loss: LossName): EngineModel {
  const { graph, compiled, lastActivation } = forLoss(layerGraph(topology), loss)
  const { plan, output } = compiled
  const slots = inLayoutOrder(plan.weights)
  requireLoadableNames(
    graph.layers.map(({ name }) => name),
    slots.map(({ name }) => name),
  )
  const layout = layoutOf(slots.map(({ name, shape }) => ({ name, shape })))
  return {
    graph,
    lastActivation,
    layout,
    topology,
    outputs: output.pixels * output.channels,
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

interface ForLoss extends Pick<EngineModel, 'graph' | 'lastActivation'> {
  readonly compiled: CompiledModel
}

/** The graph without the activation that the loss applies; as it is, where it ends with none of these. */
function forLoss(graph: LayerGraph, loss: LossName): ForLoss {
  const compiledOf = (given: LayerGraph) => compile(given, { batch: 1, trainedBytes: 0 })
  const without = withoutLastActivation(graph)
  if (without) {
    const compiled = compiledOf(without.graph)
    const { pixels, channels } = compiled.output
    const lastActivation = without.isFor(loss, compiled.shapes.get(without.layer) ?? [], pixels * channels)
    if (lastActivation) return { graph: without.graph, compiled, lastActivation }
  }
  return { graph, compiled: compiledOf(graph), lastActivation: undefined }
}
