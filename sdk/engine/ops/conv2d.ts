import { panelWeights } from '../panel-weights.ts'
import type { Plan, Tensor } from '../plan.ts'
import type { Conv2dSettings } from './convolution.ts'
import { directConvolution } from './direct-convolution.ts'
import { windowOutput } from './window.ts'
import { fitsWinograd, winogradConvolution } from './winograd-convolution.ts'

/** Convolution of images [height, width, channels], with bias, through relu if so asked. */
export function conv2d(plan: Plan, settings: Conv2dSettings, x: Tensor): Tensor {
  const { name, filters, relu, kernelInitializer, biasInitializer, size } = settings
  const [height = 1, width = 1] = x.shape
  const [sizeY, sizeX] = size
  const output = windowOutput(settings, height, width)
  const weights = panelWeights(plan, {
    name,
    shape: [sizeY, sizeX, x.channels, filters],
    places: Array.from(
      { length: sizeY * sizeX * x.channels },
      (_, k) => Math.floor(k / x.channels) * x.pitch + (k % x.channels),
    ),
    rows: sizeY * sizeX * x.pitch,
    kernelInitializer,
    biasInitializer,
  })
  const y = plan.tensor([output.height, output.width, filters])
  const parts = { window: settings, output, relu, weights, x, y }
  const { forward, backward } = fitsWinograd(parts) ? winogradConvolution(plan, parts) : directConvolution(plan, parts)

  plan.ops.push({
    name,
    forward: (kernels, { batch }) => forward(kernels, batch),
    backward(kernels, pass) {
      const { batch, gradientShift, gradientScale } = pass
      const pixels = batch * y.pixels
      if (relu) kernels.reluGradient(y.value, y.gradient, pixels * y.pitch)
      backward(kernels, pass)
      if (!biasInitializer) return
      kernels.sumRows(y.gradient, 4 * y.pitch, pixels, y.pitch, weights.bias + gradientShift, gradientScale)
    },
  })
  return y
}
