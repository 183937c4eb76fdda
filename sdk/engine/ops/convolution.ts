import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Kernels } from '../kernels.ts'
import type { PanelWeights } from '../panel-weights.ts'
import type { Pass, Tensor } from '../plan.ts'
import type { Window, WindowOutput } from './window.ts'

export interface Conv2dSettings extends Window {
  readonly name: string
  readonly filters: number
  readonly relu: boolean
  readonly kernelInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/** What a way to convolve works on. */
export interface ConvolutionParts {
  readonly window: Window
  readonly output: WindowOutput
  readonly relu: boolean
  readonly weights: PanelWeights
  readonly x: Tensor
  readonly y: Tensor
}

/** A way to convolve: the three products of a layer. Gradients of outputs come with relu's mask applied. */
export interface Convolution {
  forward(kernels: Kernels, batch: number): void
  /** Of the inputs, if they have any, and then of the kernel. */
  backward(kernels: Kernels, pass: Pass): void
}
