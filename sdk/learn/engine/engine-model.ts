import type { RandomStream } from '../../random/random-stream.ts'
import { type Layout, layoutOf, tensorViews } from '../../weights/layout.ts'
import { initialValues } from '../initializer.ts'
import { compile } from './compile.ts'
import { inLayoutOrder } from './engine.ts'
import { type LayerGraph, layerGraph } from './layer-graph.ts'

/** A model that the engine runs: what there is to know of it without its memory. */
export interface EngineModel {
  readonly graph: LayerGraph
  readonly layout: Layout
  readonly topology: unknown
  /** Values that the model gives for one example. */
  readonly outputs: number
  initialWeights(random: RandomStream): Float32Array
}

/** @throws LEARN_ENGINE_MODEL, naming what the engine doesn't know of the model. */
export function engineModel(topology: unknown): EngineModel {
  const graph = layerGraph(topology)
  const { plan, output } = compile(graph, { batch: 1, trainedBytes: 0 })
  const slots = inLayoutOrder(plan.weights)
  const layout = layoutOf(slots.map(({ name, shape }) => ({ name, shape })))
  return {
    graph,
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
