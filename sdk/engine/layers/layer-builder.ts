import type { LayerSettings } from '../layer-settings.ts'
import { type Window, windowOutput } from '../ops/window.ts'
import type { Plan, Tensor } from '../plan.ts'

/** Adds a layer to a plan. */
export type LayerBuilder = (plan: Plan, settings: LayerSettings, inputs: readonly [Tensor, ...Tensor[]]) => Tensor

/** @throws LEARN_ENGINE_MODEL where the input isn't [height, width, channels]. */
export function requireImage(settings: LayerSettings, { shape }: Tensor): void {
  settings.only('data_format', 'channels_last', 'channelsLast')
  if (shape.length !== 3) throw settings.refuse(`takes [height, width, channels], but gets [${shape}]`)
}

/**
 * The window that moves over an image.
 *
 * @throws LEARN_ENGINE_MODEL where the input is no image, or the window doesn't fit in.
 */
export function windowOver(settings: LayerSettings, x: Tensor, size: Window['size'], stride: Window['stride']): Window {
  requireImage(settings, x)
  const padding = settings.oneOf('padding', ['valid', 'same'], 'valid')
  const [height = 1, width = 1] = x.shape
  const output = windowOutput({ size, stride, padding }, height, width)
  if (output.height < 1 || output.width < 1) {
    throw settings.refuse(`has windows of ${size.join(' × ')}, which don't fit into ${height} × ${width} pixels`)
  }
  return { size, stride, padding }
}
