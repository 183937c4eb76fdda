import type { Plan, Tensor } from '../plan.ts'
import { inPixels } from './shaping.ts'

interface TiedDenseSettings {
  readonly name: string
  /** Address of the table, whose rows have the channels of the input, padded as in tensors. */
  readonly table: number
  readonly rows: number
}

/**
 * The product of each pixel's channels with each row of an embedding's table: y = x·Eᵀ. The table has the gradients of both
 * layers.
 *
 * @see Press and Wolf, Using the output embedding to improve language models, EACL 2017.
 */
export function tiedDense(plan: Plan, { name, table, rows }: TiedDenseSettings, given: Tensor): Tensor {
  const x = inPixels(plan, name, given)
  plan.apart ||= plan.isFrozen(table)
  const y = plan.tensor([...x.shape.slice(0, -1), rows])
  const [xPitch, yPitch] = [4 * x.pitch, 4 * y.pitch]
  const panels = x.pitch / 8
  const panelBytes = 32 * y.pitch + 64
  const [packed, gradients] = [plan.allocate(panels * panelBytes), plan.allocate(panels * panelBytes)]
  const flat = plan.allocate(rows * xPitch)
  const places = plan.table(Array.from({ length: rows }, (_, row) => row))
  const offsets = plan.table(Array.from({ length: plan.batch * x.pixels }, (_, pixel) => pixel * yPitch))
  const runs = plan.table([0, 0, yPitch])
  const noBias = plan.allocate(xPitch)
  plan.ops.push({
    name,
    forward(kernels, { batch }) {
      kernels.pack(table, rows, x.pitch, places, packed, panelBytes)
      kernels.inputGradient(x.value, xPitch, batch * x.pixels, packed, panelBytes, panels, y.value, yPitch, y.pitch)
    },
    backward(kernels, { batch, gradientShift, gradientScale }) {
      const pixels = batch * x.pixels
      if (x.gradient !== 0) {
        const to = [noBias, x.gradient, xPitch, 0] as const
        kernels.forward(y.gradient, offsets, pixels, runs, 1, packed, panelBytes, panels, ...to)
      }
      kernels.fill(gradients, 0, (panels * panelBytes) / 4)
      const target = [gradients, panelBytes, panels, gradientScale] as const
      kernels.weightGradient(y.gradient, yPitch, 0, 1, pixels, runs, 1, x.value, xPitch, ...target)
      kernels.unpack(gradients, panelBytes, rows, x.pitch, places, flat)
      kernels.add(table + gradientShift, flat, table + gradientShift, rows * x.pitch)
    },
  })
  return y
}
