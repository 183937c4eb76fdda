import type { Kernels } from '../kernels.ts'
import type { Plan, Tensor } from '../plan.ts'

type Pair = readonly [y: number, x: number]

/** A window that moves over an image. */
export interface Window {
  readonly size: Pair
  readonly stride: Pair
  /** `causal`: a window ends with its own pixel, and reaches beyond the beginning of the image. */
  readonly padding: 'same' | 'valid' | 'causal'
  /** Distance between a window's pixels. Default 1. */
  readonly dilation?: Pair
}

/** The length in pixels of a window from its first to its last pixel. */
export function windowReach({ size: [sizeY, sizeX], dilation: [dilationY, dilationX] = [1, 1] }: Window): Pair {
  return [(sizeY - 1) * dilationY + 1, (sizeX - 1) * dilationX + 1]
}

/** The windows over an image: their number in each direction, and their reach beyond the image's edges. */
export interface WindowOutput {
  readonly height: number
  readonly width: number
  readonly top: number
  readonly left: number
  readonly bottom: number
  readonly right: number
}

/**
 * Counts windows as TensorFlow does: with padding `same`, ⌈length / stride⌉ windows, with an odd pixel of padding at
 * the end.
 */
export function windowOutput(window: Window, height: number, width: number): WindowOutput {
  const { stride, padding } = window
  const reach = windowReach(window)
  const [y, x] = [along(height, reach[0], stride[0], padding), along(width, reach[1], stride[1], padding)]
  return { height: y.count, width: x.count, top: y.before, left: x.before, bottom: y.after, right: x.after }
}

function along(length: number, size: number, stride: number, padding: Window['padding']) {
  if (padding === 'valid') return { count: Math.floor((length - size) / stride) + 1, before: 0, after: 0 }
  const count = Math.ceil(length / stride)
  if (padding === 'causal') return { count, before: size - 1, after: 0 }
  const total = Math.max(0, (count - 1) * stride + size - length)
  return { count, before: Math.floor(total / 2), after: Math.ceil(total / 2) }
}

/** Bytes of one example. */
export function imageBytes({ pixels, pitch }: Tensor): number {
  return 4 * pixels * pitch
}

/** Images with a rim of zeros, so that windows needn't check for the edge. */
interface PaddedImages {
  readonly value: number
  /** Bytes of one image. */
  readonly bytes: number
  /** Width in pixels, with the rim. */
  readonly width: number
  /** Copies the images into the rims. Without a rim the images are the tensor's own. */
  fill(kernels: Kernels, batch: number): void
}

export function paddedImages(plan: Plan, x: Tensor, { top, left, bottom, right }: WindowOutput): PaddedImages {
  const [height = 1, width = 1] = x.shape
  if (top + left + bottom + right === 0) return { value: x.value, bytes: imageBytes(x), width, fill: () => {} }
  const pixelBytes = 4 * x.pitch
  const lineBytes = (left + width + right) * pixelBytes
  const bytes = (top + height + bottom) * lineBytes
  const value = plan.allocate(plan.batch * bytes)
  const start = value + top * lineBytes + left * pixelBytes
  return {
    value,
    bytes,
    width: left + width + right,
    fill(kernels, batch) {
      for (let example = 0; example < batch; example++) {
        const source = x.value + example * imageBytes(x)
        kernels.copyRows(source, width * pixelBytes, start + example * bytes, lineBytes, height, width * pixelBytes)
      }
    },
  }
}
