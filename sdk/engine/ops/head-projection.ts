import type { InitializerSpec } from '../../learn/initializer.ts'
import type { Kernels } from '../kernels.ts'
import { type Plan, paddedTo8, type Tensor } from '../plan.ts'
import { skewBytes } from '../weight-layouts.ts'
import { rowProduct } from './row-product.ts'
import { inPixels } from './shaping.ts'

/** The values of an attention's heads: in each row of the tensor the values of the first head, of the second, …. */
export interface Heads {
  readonly tensor: Tensor
  /** Bytes from the beginning of a row to the first head. */
  readonly offset: number
  /** Bytes from one head to the next: `dim` values, padded with zeros to whole panels. */
  readonly headBytes: number
  readonly dim: number
}

interface HeadProjection {
  /** Begins the weights' names, such as `multi_head_attention_1/query`. */
  readonly name: string
  /** Number of values of a head. */
  readonly dim: number
}

interface HeadProjectionsSettings {
  readonly name: string
  readonly heads: number
  readonly parts: readonly HeadProjection[]
  readonly kernelInitializer: InitializerSpec
  /** Absent: without a bias. */
  readonly biasInitializer: InitializerSpec | undefined
}

/**
 * Projects each step of `given` to the heads of several parts, such as query, key and value, in one product: a part is
 * x·W + b with W of the shape [channels, heads, dim].
 */
export function headProjections(plan: Plan, settings: HeadProjectionsSettings, given: Tensor): readonly Heads[] {
  const { name, heads, parts, biasInitializer } = settings
  const x = inPixels(plan, name, given)
  const widths = parts.map(({ dim }) => heads * paddedTo8(dim))
  const columns = widths.reduce((sum, width) => sum + width, 0)
  const panels = columns / 8
  const panelBytes = 32 * x.pitch + skewBytes
  const kernel = plan.trained(panels * panelBytes)
  const bias = biasInitializer ? plan.trained(4 * columns) : plan.allocate(4 * columns)
  const places = plan.table(Array.from({ length: x.channels }, (_, channel) => channel))
  const firsts = widths.map((_, index) => widths.slice(0, index).reduce((sum, width) => sum + width, 0))
  for (const [index, part] of parts.entries()) {
    const first = firsts[index] ?? 0
    const address = { kernel: kernel + (first / 8) * panelBytes, bias: bias + 4 * first, panelBytes, places }
    headWeights(plan, settings, part, x.channels, address)
  }

  const y = plan.tensor([x.pixels, columns])
  rowProduct(plan, { name, kernel, bias, panelBytes, panels, hasBias: biasInitializer !== undefined }, x, y)
  return parts.map(({ dim }, index) => ({
    tensor: y,
    offset: 4 * (firsts[index] ?? 0),
    headBytes: 4 * paddedTo8(dim),
    dim,
  }))
}

/** Addresses of one part's weights. */
interface PartAddress {
  readonly kernel: number
  readonly bias: number
  readonly panelBytes: number
  /** Table of the panels' rows. */
  readonly places: number
}

function headWeights(
  plan: Plan,
  { heads, kernelInitializer, biasInitializer }: HeadProjectionsSettings,
  { name, dim }: HeadProjection,
  channels: number,
  { kernel, bias, panelBytes, places }: PartAddress,
): void {
  const headPanels = (paddedTo8(dim) / 8) * panelBytes
  const rowBytes = 4 * heads * dim
  // Heads without padding are neighbouring columns.
  const isWhole = dim % 8 === 0
  /** Calls `move` for each piece of a row whose columns are neighbours, also in the panels. */
  const pieces = (
    from: number,
    count: number,
    move: (row: number, columns: number, offset: number, place: number, target: number) => void,
  ) => {
    if (isWhole) return move(count, heads * dim, 0, places + 4 * from, kernel)
    for (let row = 0; row < count; row++) {
      for (let head = 0; head < heads; head++) {
        move(1, dim, row * rowBytes + 4 * head * dim, places + 4 * (from + row), kernel + head * headPanels)
      }
    }
  }
  plan.weights.push({
    name: `${name}/kernel`,
    shape: [channels, heads, dim],
    initializer: kernelInitializer,
    trained: true,
    rows: channels,
    load: (kernels: Kernels, source, from, count) =>
      pieces(from, count, (rows, columns, offset, place, target) =>
        kernels.pack(source + offset, rows, columns, place, target, panelBytes),
      ),
    save: (kernels: Kernels, target, from, count) =>
      pieces(from, count, (rows, columns, offset, place, source) =>
        kernels.unpack(source, panelBytes, rows, columns, place, target + offset),
      ),
  })
  if (!biasInitializer) return
  const [bytes, padded] = [4 * dim, 4 * paddedTo8(dim)]
  plan.weights.push({
    name: `${name}/bias`,
    shape: [heads, dim],
    initializer: biasInitializer,
    trained: true,
    rows: 1,
    load: (kernels, source) => kernels.copyRows(source, bytes, bias, padded, heads, bytes),
    save: (kernels, target) => kernels.copyRows(bias, padded, target, bytes, heads, bytes),
  })
}
