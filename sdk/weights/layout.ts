export interface TensorSpec {
  readonly name: string
  readonly shape: readonly number[]
}

/** How a model's tensors lie in one flat Float32Array: one after another, row-major, in this order. */
export interface Layout {
  readonly tensors: readonly TensorSpec[]
  /** Number of values in all tensors together. */
  readonly size: number
}

export function layoutOf(tensors: readonly TensorSpec[]): Layout {
  return { tensors, size: tensors.reduce((size, { shape }) => size + sizeOf(shape), 0) }
}

/** Number of values in a tensor of this shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1)
}

/** The tensor in which the value at this index of the flat array lies, and where in it. */
export function locate(
  layout: Layout,
  index: number,
): { readonly tensor: string; readonly offset: number } | undefined {
  let start = 0
  for (const { name, shape } of layout.tensors) {
    const end = start + sizeOf(shape)
    if (index >= start && index < end) return { tensor: name, offset: index - start }
    start = end
  }
  return undefined
}

/** A view, not a copy, of each tensor's values by name. */
export function tensorViews(layout: Layout, weights: Float32Array): Map<string, Float32Array> {
  const views = new Map<string, Float32Array>()
  let start = 0
  for (const { name, shape } of layout.tensors) {
    const end = start + sizeOf(shape)
    views.set(name, weights.subarray(start, end))
    start = end
  }
  return views
}
