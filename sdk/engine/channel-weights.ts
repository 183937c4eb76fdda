import type { InitializerSpec } from '../learn/initializer.ts'
import { type Plan, paddedTo8 } from './plan.ts'

export interface ChannelWeightsRequest {
  /** The layer's name and the weight's. */
  readonly name: string
  /** As the model has it: rows of channels. */
  readonly shape: readonly number[]
  readonly rows: number
  readonly channels: number
  readonly initializer: InitializerSpec
  readonly trained: boolean
}

/** Makes room for rows of channels, each padded with zeros as the tensors' are, and answers with its address. */
export function channelWeights(plan: Plan, request: ChannelWeightsRequest): number {
  const { name, shape, rows, channels, initializer, trained } = request
  const pitch = 4 * paddedTo8(channels)
  const bytes = 4 * channels
  const address = trained ? plan.trained(rows * pitch) : plan.allocate(rows * pitch)
  plan.weights.push({
    name,
    shape,
    initializer,
    trained,
    rows,
    load(kernels, source, from, count) {
      const start = address + from * pitch
      // A training that diverged has left NaN in the padding, too.
      kernels.fill(start, 0, (count * pitch) / 4)
      kernels.copyRows(source, bytes, start, pitch, count, bytes)
    },
    save: (kernels, target, from, count) =>
      kernels.copyRows(address + from * pitch, pitch, target, bytes, count, bytes),
  })
  return address
}
