import { learnError } from '../../learn/errors.ts'
import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Plan, Tensor } from '../plan.ts'
import { channelWeights } from '../weight-layouts.ts'

interface EmbeddingSettings {
  readonly name: string
  /** Number of rows of the table. */
  readonly rows: number
  readonly channels: number
  readonly initializer: InitializerSpec
}

/** Looks up a row of a trained table for each of the model's inputs. Only rows that occur in a batch get a gradient. */
export function embedding(plan: Plan, { name, rows, channels, initializer }: EmbeddingSettings, x: Tensor): Tensor {
  const length = x.pixels * x.channels
  const table = channelWeights(plan, {
    name: `${name}/embeddings`,
    shape: [rows, channels],
    rows,
    channels,
    initializer,
    trained: true,
  })
  const y = plan.tensor([...x.shape, channels])
  const pitch = 4 * y.pitch
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      const outside = kernels.firstOutside(x.value, batch * length, rows)
      if (outside >= 0) {
        throw learnError('LEARN_EMBEDDING', {
          layer: name,
          rows,
          position: outside % length,
          row: Math.floor(outside / length),
        })
      }
      kernels.takeRows(x.value, batch * length, table, pitch, y.value)
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      kernels.addToRows(x.value, batch * length, y.gradient, gradientScale, table + gradientShift, pitch)
    },
  })
  return y
}
