import type { Stage } from '../algorithm.ts'
import { deltaStage } from './delta-stage.ts'

/** ‖x‖ over the whole array, in float64. */
export function norm(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!
  return Math.sqrt(sum)
}

/** x·min(1, S/‖x‖): the same array where it is short enough. */
export function clippedTo(bound: number, delta: Float32Array): Float32Array {
  const length = norm(delta)
  return length > bound ? delta.map((value) => value * (bound / length)) : delta
}

/**
 * Clips each client's delta to a norm: Δ·min(1, S/‖Δ‖), over the whole array.
 *
 * @see Sun et al., Can You Really Backdoor Federated Learning?, 2019 (arXiv 1911.07963), norm thresholding.
 */
export function clip({ norm: bound }: { readonly norm: number }): Stage {
  return deltaStage('clip', (delta) => clippedTo(bound, delta))
}
