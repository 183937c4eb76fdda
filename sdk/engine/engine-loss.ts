import { type LabelCheck, type LossName, labelCheck } from '../learn/loss-name.ts'
import type { Kernels } from './kernels.ts'

/** Outputs of a pass, and where their gradient goes; addresses in the engine's memory. */
export interface LossRows {
  readonly outputs: number
  /** Bytes from one example's outputs to the next. */
  readonly pitch: number
  readonly examples: number
  /** Outputs of one example. */
  readonly size: number
  /** One float32 an example. */
  readonly labels: number
  /** 0: no gradient is wanted. */
  readonly gradient: number
  /** What the gradient of the examples' losses is multiplied by. */
  readonly scale: number
}

export interface LossSums {
  /** Sum of the examples' losses. */
  readonly loss: number
  /** Examples whose class is right; absent where there are no classes. */
  readonly correct?: number
}

/** What training minimizes, in the engine's kernels. */
export interface EngineLoss {
  readonly check: LabelCheck
  run(kernels: Kernels, rows: LossRows): LossSums
}

/** @throws LEARN_SETTING for an unknown loss, or one that doesn't fit the model's number of outputs. */
export function engineLoss(name: LossName, outputs: number): EngineLoss {
  const check = labelCheck(name, outputs)
  switch (name) {
    case 'softmaxCrossEntropy':
      return {
        check,
        run: (kernels, { outputs, pitch, examples, size, labels, gradient, scale }) => ({
          loss: kernels.softmaxCrossEntropy(outputs, pitch, examples, size, labels, gradient, scale),
          correct: Number(kernels.correct.value),
        }),
      }
    case 'sigmoidCrossEntropy':
      return {
        check,
        run: (kernels, { outputs, pitch, examples, labels, gradient, scale }) => ({
          loss: kernels.sigmoidCrossEntropy(outputs, pitch, examples, labels, gradient, scale),
          correct: Number(kernels.correct.value),
        }),
      }
    case 'meanSquaredError':
      return {
        check,
        run: (kernels, { outputs, pitch, examples, labels, gradient, scale }) => ({
          loss: kernels.squaredError(outputs, pitch, examples, labels, gradient, scale),
        }),
      }
  }
}
