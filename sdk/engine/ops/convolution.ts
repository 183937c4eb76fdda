import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Plan, Tensor } from '../plan.ts'
import { panelWeights } from '../weight-layouts.ts'
import { inPixels } from './shaping.ts'
import { type Window, windowOutput } from './window.ts'
import { productToImages, windowProducts } from './window-products.ts'
import { type Convolution, type ConvolutionParts, fitsWinograd, winogradConvolution } from './winograd-convolution.ts'

/** Convolution of images [height, width, channels] with bias, and with relu if `relu` is set. */
export function conv2d(plan: Plan, settings: Conv2dSettings, given: Tensor): Tensor {
  const { name, filters, relu, kernelInitializer, biasInitializer, size } = settings
  const x = plan.sharing ? inPixels(plan, name, given) : given
  const { kernelShape = [...size, x.channels, filters] } = settings
  const [height = 1, width = 1] = x.shape
  const [sizeY, sizeX] = size
  const output = windowOutput(settings, height, width)
  const weights = panelWeights(plan, {
    name,
    shape: kernelShape,
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

interface Conv2dSettings extends Window {
  readonly name: string
  readonly filters: number
  readonly relu: boolean
  /** The kernel's shape in the model. Default: that of the windows, their channels, and the filters. */
  readonly kernelShape?: readonly number[]
  readonly kernelInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/** Convolution as products over windows. */
function directConvolution(plan: Plan, { window, relu, weights, x, y }: ConvolutionParts): Convolution {
  const products = windowProducts(plan, window, x, y, weights)
  const toInput = x.gradient === 0 ? undefined : productToImages(plan, window, x, y, weights)
  return {
    forward(kernels, batch) {
      products.fill(kernels, batch)
      products.toOutputs(kernels, batch, { outputs: y.value, bias: weights.bias, relu })
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      toInput?.(kernels, batch, { outputs: y.gradient, images: x.gradient })
      const target = weights.kernel + gradientShift
      products.weightGradient(kernels, batch, { outputs: y.gradient, target, scale: gradientScale })
    },
  }
}
