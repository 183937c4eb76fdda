import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Plan, Tensor } from '../plan.ts'
import { channelWeights, panelWeights } from '../weight-layouts.ts'
import { inPixels } from './shaping.ts'
import type { Window } from './window.ts'
import { productToImages, windowProducts } from './window-products.ts'

interface TransposedConvolutionSettings {
  readonly name: string
  readonly filters: number
  readonly window: Window
  /** Height and width of the output. */
  readonly image: readonly [height: number, width: number]
  readonly relu: boolean
  /** The kernel's shape in the model: that of the windows, the filters, and the input's channels. */
  readonly kernelShape: readonly number[]
  readonly kernelInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/**
 * Transposed convolution, with bias, and with relu if `relu` is set: the gradient of a convolution with respect to its
 * image. The convolution takes windows of this layer's output, and gives this layer's input. So the layer's forward pass
 * is that convolution's backward pass, and the reverse.
 *
 * @see Zeiler et al., Deconvolutional networks, CVPR 2010.
 */
export function transposedConvolution(plan: Plan, settings: TransposedConvolutionSettings, given: Tensor): Tensor {
  const { name, filters, window, image, relu, kernelShape, kernelInitializer, biasInitializer } = settings
  const x = inPixels(plan, name, given)
  const y = plan.tensor([...image, filters])
  const [sizeY, sizeX] = window.size
  const weights = panelWeights(plan, {
    name,
    shape: kernelShape,
    places: Array.from(
      { length: sizeY * sizeX * filters },
      (_, k) => Math.floor(k / filters) * y.pitch + (k % filters),
    ),
    rows: sizeY * sizeX * y.pitch,
    kernelInitializer,
    biasInitializer: undefined,
  })
  const bias = biasInitializer
    ? channelWeights(plan, {
        name: `${name}/bias`,
        shape: [filters],
        rows: 1,
        channels: filters,
        initializer: biasInitializer,
        trained: true,
      })
    : plan.allocate(4 * y.pitch)
  const toImages = productToImages(plan, window, y, x, weights)
  const gradients = windowProducts(plan, window, { ...y, value: y.gradient }, x, weights)

  plan.ops.push({
    name,
    forward: (kernels, { batch }) => toImages(kernels, batch, { outputs: x.value, images: y.value, bias, relu }),
    backward(kernels, { batch, gradientShift, gradientScale }) {
      const pixels = batch * y.pixels
      if (relu) kernels.reluGradient(y.value, y.gradient, pixels * y.pitch)
      gradients.fill(kernels, batch)
      // Before the weights' gradient, which may be added to the weights themselves.
      if (x.gradient !== 0) {
        gradients.toOutputs(kernels, batch, { outputs: x.gradient, bias: weights.bias, relu: false })
      }
      const target = weights.kernel + gradientShift
      gradients.weightGradient(kernels, batch, { outputs: x.value, target, scale: gradientScale })
      if (biasInitializer) {
        kernels.sumRows(y.gradient, 4 * y.pitch, pixels, y.pitch, bias + gradientShift, gradientScale)
      }
    },
  })
  return y
}
