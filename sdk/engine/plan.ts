import type { InitializerSpec } from '../learn/initializer.ts'
import { sizeOf } from '../weights/layout.ts'
import { firstFreeAddress, type Kernels } from './kernels.ts'

/** A place for the values of a layer's output, and for the loss's gradient with respect to them, for a whole batch. */
export interface Tensor {
  /** Of one example. */
  readonly shape: readonly number[]
  /** Positions that have channels: height × width; 1 for a vector. */
  readonly pixels: number
  readonly channels: number
  /** Values from one pixel to the next: the channels and the zeros that pad them. */
  readonly pitch: number
  /** Address of the first example's values. */
  readonly value: number
  /** Address of the first example's gradient; 0 where nobody needs it. */
  readonly gradient: number
}

/** Values of one example, with padding. */
export function tensorSize({ pixels, pitch }: Tensor): number {
  return pixels * pitch
}

/** One of the model's weights: where it lies in the engine's memory, and how it gets there and back. */
export interface WeightSlot {
  /** The layer's name and the weight's, such as dense_1/kernel. */
  readonly name: string
  readonly shape: readonly number[]
  readonly initializer: InitializerSpec
  /** Moved by training; the others, such as moving means, are moved by the layer itself. */
  readonly trained: boolean
  /** Rows of the shape's last dimension, which come and go in any number at a time. */
  readonly rows: number
  /** From `count` rows, row-major at `source`, which begin with row `from`. */
  load(kernels: Kernels, source: number, from: number, count: number): void
  save(kernels: Kernels, target: number, from: number, count: number): void
}

/** The settings of one pass over a batch. */
export interface Pass {
  readonly batch: number
  readonly training: boolean
  /** Of dropout masks: another one for each pass of a model that has seeded layers; else 0. */
  readonly seed: number
  /** Distance in bytes from a trained weight to its gradient. 0: gradients are added to the weights themselves. */
  readonly gradientShift: number
  /** Factor of the gradient: minus the learning rate, or 1. */
  readonly gradientScale: number
}

/** A compiled layer. */
interface Op {
  /** The layer's name. */
  readonly name: string
  forward(kernels: Kernels, pass: Pass): void
  /** Reads the gradient of its output; writes those of its inputs and weights. */
  backward(kernels: Kernels, pass: Pass): void
  /** Whether it draws from the pass's seed. */
  readonly seeded?: boolean
}

const alignment = 64

export interface PlanSize {
  /** Most examples of a pass. */
  readonly batch: number
  /** Bytes of all trained weights; 0 in a first, trial plan, which finds it out. */
  readonly trainedBytes: number
}

/** Hands out the engine's memory while a model is compiled: nothing is allocated later. */
export class Plan {
  readonly batch: number
  readonly ops: Op[] = []
  readonly weights: WeightSlot[] = []
  readonly tables: { readonly address: number; readonly values: Uint32Array }[] = []
  /** The first layer whose output for an example depends on the others of its batch: a batch must go in one pass. */
  wholeBatchFor: string | undefined
  /** Trained weights lie together, so that a step can go over all of them at once. */
  readonly trainedStart: number
  #nextTrained: number
  #next: number

  constructor({ batch, trainedBytes }: PlanSize) {
    this.batch = batch
    this.trainedStart = firstFreeAddress
    this.#nextTrained = firstFreeAddress
    this.#next = firstFreeAddress + trainedBytes
  }

  /** End of the memory handed out. */
  get bytes(): number {
    return this.#next
  }

  get trainedBytes(): number {
    return this.#nextTrained - this.trainedStart
  }

  allocate(bytes: number): number {
    const address = this.#next
    this.#next += aligned(bytes)
    return address
  }

  /** A place for weights that training moves. */
  trained(bytes: number): number {
    const address = this.#nextTrained
    this.#nextTrained += aligned(bytes)
    return address
  }

  table(values: ArrayLike<number>): number {
    const address = this.allocate(4 * values.length)
    this.tables.push({ address, values: Uint32Array.from(values) })
    return address
  }

  /** Channels are padded with zeros to whole panels, but for a model's input. */
  tensor(shape: readonly number[], use: 'input' | 'inner' = 'inner'): Tensor {
    const { bytes, ...tensor } = this.#shaped(shape, use)
    return { ...tensor, value: this.allocate(bytes), gradient: use === 'input' ? 0 : this.allocate(bytes) }
  }

  /** The output of a layer without weights over `x`: it has memory for a gradient only if `x` has. */
  tensorAfter(x: Tensor, shape: readonly number[]): Tensor {
    if (x.gradient !== 0) return this.tensor(shape)
    const { bytes, ...tensor } = this.#shaped(shape, 'inner')
    return { ...tensor, value: this.allocate(bytes), gradient: 0 }
  }

  /** Values that lie as those of `x` do, which is padded. */
  tensorLike(x: Tensor): Tensor {
    const bytes = 4 * this.batch * tensorSize(x)
    return { ...x, value: this.allocate(bytes), gradient: x.gradient === 0 ? 0 : this.allocate(bytes) }
  }

  #shaped(shape: readonly number[], use: 'input' | 'inner') {
    const channels = shape.at(-1) ?? 1
    const pixels = sizeOf(shape.slice(0, -1))
    const pitch = use === 'input' ? channels : paddedTo8(channels)
    return { shape, pixels, channels, pitch, bytes: 4 * this.batch * pixels * pitch }
  }
}

/** The next address, or size, at which a place may begin. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}

export function paddedTo8(count: number): number {
  return Math.ceil(count / 8) * 8
}
