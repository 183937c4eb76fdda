import type { Examples } from '../data/examples.ts'
import { composedLoss } from '../learn/composed-loss.ts'
import type { FittedLoss } from '../learn/fitted-loss.ts'
import type { OwnLoss } from '../learn/own-loss.ts'
import type { AddedGradient, Engine, Tap } from './engine.ts'
import { engineLoss, type LossSums } from './engine-loss.ts'
import { addToRow, rowsOf } from './engine-terms.ts'

/** The loss of passes over given examples: by the engine's kernels, or as a composition of operations. */
export interface PassLoss {
  /**
   * Reads the targets of a pass's examples. LEARN_LABEL for a class without an output of the model, LEARN_EXAMPLE for a
   * weight below 0.
   */
  read(indices: Uint32Array): void
  /** Runs the loss after a forward pass. With `scale`, writes the gradient of the outputs, times `scale`. */
  run(indices: Uint32Array, scale?: number): LossSums
  /** The loss of each example. */
  each(indices: Uint32Array): Float32Array
  /** The loss's gradients of other layers' outputs, which the backward pass adds. */
  readonly added: readonly AddedGradient[]
}

/** @throws LEARN_OUTPUTS, LEARN_COLUMN for examples that don't fit the loss; LEARN_SETTING for an unknown layer. */
export function passLoss(engine: Engine, fitted: FittedLoss, examples: Examples): PassLoss {
  fitted.requireFit(examples)
  const { own } = fitted.loss
  return own ? rowsLoss(engine, fitted, own, examples) : kernelLoss(engine, fitted, examples)
}

function kernelLoss(engine: Engine, fitted: FittedLoss, examples: Examples): PassLoss {
  const loss = engineLoss(fitted)
  const { targets: perExample, rows } = fitted
  return {
    read(indices) {
      const { targets, weights } = engine
      for (const [row, index] of indices.entries()) {
        fitted.read(examples, index, targets, row * perExample)
        if (!loss.isPlain) fitted.weigh(examples, index, targets, row * perExample, weights, row * rows)
      }
    },
    run: (indices, scale) => engine.loss(loss, indices.length, scale),
    each: (indices) => engine.exampleLosses(loss, indices.length),
    added: [],
  }
}

function rowsLoss(engine: Engine, fitted: FittedLoss, own: OwnLoss, examples: Examples): PassLoss {
  const { output, outputs } = engine
  const tap: Tap | undefined = own.representation === undefined ? undefined : engine.tap(own.representation)
  const size = tap ? tap.tensor.pixels * tap.tensor.channels : 0
  const lossOf = composedLoss(fitted, own, examples)
  let ofTap: Float64Array = new Float64Array()

  const found = (indices: Uint32Array, scale?: number) => {
    const count = indices.length
    const values = new Float32Array(count * outputs)
    rowsOf(engine, output, count, values, 0)
    const representations = tap && new Float32Array(count * size)
    if (tap && representations) rowsOf(engine, tap.tensor, count, representations, 0)
    return lossOf(indices, { outputs: values, representations }, scale)
  }
  return {
    // The targets are read with the loss, which needs the columns of the examples, too.
    read() {},
    run(indices, scale) {
      const { sum, outputs: slopes, representations, byOutput } = found(indices, scale)
      if (scale !== undefined) {
        engine.kernels.fill(output.gradient, 0, indices.length * output.pixels * output.pitch)
        for (let row = 0; row < indices.length; row++)
          addToRow(engine, output, row, slopes.subarray(row * outputs, (row + 1) * outputs))
        ofTap = representations
      }
      return { loss: sum, ...(byOutput && { byOutput }) }
    },
    each: (indices) => Float32Array.from(found(indices).losses),
    added: tap
      ? [
          {
            to: tap,
            add() {
              for (let row = 0; row * size < ofTap.length; row++)
                addToRow(engine, tap.tensor, row, ofTap.subarray(row * size, (row + 1) * size))
            },
          },
        ]
      : [],
  }
}
