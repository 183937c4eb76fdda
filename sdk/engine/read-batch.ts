import type { Examples } from '../data/examples.ts'
import { sizeOf } from '../weights/layout.ts'
import type { Engine } from './engine.ts'
import type { EngineLoss } from './engine-loss.ts'

/** Puts examples into the engine's memory. LEARN_LABEL for a label that the loss has no output for. */
export function readBatch(engine: Engine, { check }: EngineLoss, examples: Examples, indices: Uint32Array): void {
  const size = sizeOf(examples.shape)
  const { bytes } = examples
  // Bytes are divided in WebAssembly, to the same values, if float32 has the divisor.
  const divisible = bytes && Math.fround(bytes.divisor) === bytes.divisor ? bytes : undefined
  for (let row = 0; row < indices.length; row++) {
    const index = indices[row] ?? 0
    const value = examples.label(index)
    check(value, index)
    engine.labels[row] = value
    if (divisible) divisible.copy(index, engine.bytes, row * size)
    else examples.read(index, engine.features, row * size)
  }
  if (divisible) engine.divideBytes(indices.length, divisible.divisor)
}
