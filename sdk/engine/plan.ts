import type { InitializerSpec } from '../learn/initializer.ts'
import { sizeOf } from '../weights/layout.ts'
import { firstFreeAddress, type Kernels } from './kernels.ts'

/** Memory for a batch's values of a layer's output, and for the loss's gradient with respect to these values. */
export interface Tensor {
  /** Shape of one example. */
  readonly shape: readonly number[]
  /** Number of positions with channels: height × width, or 1 for a vector. */
  readonly pixels: number
  readonly channels: number
  /** Number of values from one pixel to the next: the channels and their padding zeros. */
  readonly pitch: number
  /** Address of the first example's values. */
  readonly value: number
  /** Address of the first example's gradient. 0 if the gradient isn't needed. */
  readonly gradient: number
  /** Address of the first example's mask: one float32 for each pixel, 0 where the pixel is padding. Absent: no mask. */
  readonly mask?: number | undefined
}

/** Number of values of one example, with padding. */
export function tensorSize({ pixels, pitch }: Tensor): number {
  return pixels * pitch
}

/** A regularizer: adds l1·Σ|w| + l2·Σw² to the loss of a batch. */
export interface Penalty {
  readonly l1: number
  readonly l2: number
}

/**
 * A constraint, which holds after each step: no value is negative; or the norms over some axes, which are adjacent, are
 * moved by `rate` towards the range of `least` to `most`.
 */
export type Constraint =
  | { readonly type: 'nonNegative' }
  | {
      readonly type: 'norm'
      readonly axes: readonly [first: number, last: number]
      readonly least: number
      readonly most: number
      readonly rate: number
    }

/** One of the model's weights: its location in the engine's memory, and the ways in and out. */
export interface WeightSlot {
  /** The layer's and the weight's name, such as dense_1/kernel. */
  readonly name: string
  readonly shape: readonly number[]
  readonly initializer: InitializerSpec
  /** Whether training moves the weight. Layers themselves move others, such as moving means; those of frozen layers rest. */
  readonly trained: boolean
  /** The weight's memory, with padding. Absent: the weight takes neither a regularizer nor a constraint. */
  readonly place?: { readonly address: number; readonly bytes: number }
  readonly penalty?: Penalty | undefined
  readonly constraint?: Constraint | undefined
  /** Number of rows of the shape's last dimension. Any number of rows can be copied in or out at a time. */
  readonly rows: number
  /** Copies `count` rows in, from row `from` on. `source` has them row-major. */
  load(kernels: Kernels, source: number, from: number, count: number): void
  save(kernels: Kernels, target: number, from: number, count: number): void
}

/** The settings of one pass over a batch. */
export interface Pass {
  readonly batch: number
  readonly training: boolean
  /** Seed of dropout masks: a new one for each pass of a model with seeded layers, otherwise 0. */
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
  /** Reads the gradient of the layer's output, and writes those of its inputs and weights. */
  backward(kernels: Kernels, pass: Pass): void
  /** Whether the layer draws numbers from the pass's seed. */
  readonly seeded?: boolean
}

const alignment = 64

export interface PlanSize {
  /** Most examples of a pass. */
  readonly batch: number
  /** Bytes of all trained weights. 0 in a first trial plan, which determines the number. */
  readonly trainedBytes: number
  /** Bytes of the weights of frozen layers. Default 0. */
  readonly frozenBytes?: number
}

/** Allocates the engine's memory while a model is compiled. */
export class Plan {
  readonly batch: number
  readonly ops: Op[] = []
  readonly weights: WeightSlot[] = []
  readonly tables: { readonly address: number; readonly values: Uint32Array }[] = []
  /**
   * The first layer whose output for one example depends on the batch's other examples, so that a batch must be one
   * pass.
   */
  wholeBatchFor: string | undefined
  /** Most bytes of a pass's activations. A larger batch is split into passes. */
  passBytes = 6 * 2 ** 20
  /**
   * Whether the layer in the making is frozen. The weights of frozen layers lie behind the trained ones: their gradients
   * have a place, but no step reads it.
   */
  freezing = false
  /**
   * Whether the layer in the making has several uses. The weights' arrangement may follow that of the input, so all uses
   * take their inputs in padded pixels.
   */
  sharing = false
  /** Whether the layer in the making has been used before, and takes the weights of its first use. */
  repeating = false
  /**
   * Whether a pass must not add gradients to the weights themselves: some weights are used several times in a pass, or
   * must not move.
   */
  apart = false
  /** Rank and factor of the adapters of dense and attention layers. Absent: no adapters. */
  adapters: { readonly rank: number; readonly scale: number } | undefined
  /** Trained weights are contiguous, so that a step can move all in one pass. */
  readonly trainedStart: number
  readonly #frozenStart: number
  #nextTrained: number
  #nextFrozen: number
  #next: number

  constructor({ batch, trainedBytes, frozenBytes = 0 }: PlanSize) {
    this.batch = batch
    this.trainedStart = firstFreeAddress
    this.#frozenStart = firstFreeAddress + trainedBytes
    this.#nextTrained = this.trainedStart
    this.#nextFrozen = this.#frozenStart
    this.#next = this.#frozenStart + frozenBytes
  }

  /** End of the allocated memory. */
  get bytes(): number {
    return this.#next
  }

  get trainedBytes(): number {
    return this.#nextTrained - this.trainedStart
  }

  get frozenBytes(): number {
    return this.#nextFrozen - this.#frozenStart
  }

  allocate(bytes: number): number {
    const address = this.#next
    this.#next += aligned(bytes)
    return address
  }

  /** Allocates memory for weights that training moves unless their layer is frozen. */
  trained(bytes: number): number {
    if (this.freezing) {
      const address = this.#nextFrozen
      this.#nextFrozen += aligned(bytes)
      return address
    }
    const address = this.#nextTrained
    this.#nextTrained += aligned(bytes)
    return address
  }

  /** Whether weights are those of a frozen layer. */
  isFrozen(address: number): boolean {
    return address >= this.#frozenStart
  }

  table(values: ArrayLike<number>): number {
    const address = this.allocate(4 * values.length)
    this.tables.push({ address, values: Uint32Array.from(values) })
    return address
  }

  /** Allocates a tensor. Channels are padded with zeros to whole panels, except for a model's input. */
  tensor(shape: readonly number[], use: 'input' | 'inner' = 'inner'): Tensor {
    const { bytes, ...tensor } = this.#shaped(shape, use)
    return { ...tensor, value: this.allocate(bytes), gradient: use === 'input' ? 0 : this.allocate(bytes) }
  }

  /** Allocates the output of a layer without weights over `x`, with a gradient only if `x` has one. */
  tensorAfter(x: Tensor, shape: readonly number[]): Tensor {
    if (x.gradient !== 0) return this.tensor(shape)
    const { bytes, ...tensor } = this.#shaped(shape, 'inner')
    return { ...tensor, value: this.allocate(bytes), gradient: 0 }
  }

  /** Allocates a tensor with the arrangement of `x`, which is padded. */
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

/** Rounds an address or a size up to the alignment. */
export function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}

export function paddedTo8(count: number): number {
  return Math.ceil(count / 8) * 8
}
