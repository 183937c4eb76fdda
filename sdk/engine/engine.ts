import { learnError } from '../learn/errors.ts'
import type { FittedLoss } from '../learn/fitted-loss.ts'
import { modelError } from '../learn/model-errors.ts'
import { sizeOf } from '../weights/layout.ts'
import { compile } from './compile.ts'
import { type EngineLoss, engineLoss, type LossSums } from './engine-loss.ts'
import { type WeightRules, weightRules } from './engine-rules.ts'
import { engineKernels, type Kernels } from './kernels.ts'
import { type LayerGraph, layerOf } from './model/layer-graph.ts'
import { aligned, type Pass, paddedTo8, type Tensor, tensorSize, type WeightSlot } from './plan.ts'
import { plainProducts } from './products/product-modules.ts'

/** A layer's output, to whose gradient a backward pass may add. */
export interface Tap {
  readonly tensor: Tensor
  /** Number of operations up to the output. */
  readonly ops: number
}

/** Adds to the gradient of a layer's output. */
export interface AddedGradient {
  readonly to: Tap
  add(): void
}

/** Bytes of weights that are copied in or out at a time, or of one row if that is more. */
const stagingBytes = 256 * 2 ** 10
/** Most bytes of a batch that can't be split. */
const wholeBatchBytes = 2 ** 30
const pageBytes = 65_536

/** Most pages of a WebAssembly memory with addresses of 32 bits. */
const mostPages = 65_536
/** The bits of infinity as a float32. Without a sign, those of numbers are lower as integers, and those of NaN higher. */
const infinityBits = 0x7f800000

/**
 * A model in WebAssembly memory: its weights, memory for a batch, and the passes over the batch. Memory grows only when
 * a training needs more arrays than any before.
 */
export interface Engine {
  /** Replaced by `use`. */
  readonly kernels: Kernels
  /** Takes the kernels of products from a module of `products/` from now on. At first they are plain. */
  use(products: WebAssembly.Module): void
  /** Most examples of a pass. */
  readonly capacity: number
  /** Whether passes draw numbers from their seed. */
  readonly seeded: boolean
  /** A layer whose output for one example depends on the batch's other examples, so that a batch must be one pass. */
  readonly wholeBatchFor: string | undefined
  /** A batch's features. This view, `bytes`, `targets` and `weights` are replaced when `places` grows the memory. */
  readonly features: Float32Array
  /** The input's memory for features as bytes, which `divideBytes` converts. */
  readonly bytes: Uint8Array
  divideBytes(examples: number, divisor: number): void
  readonly targets: Float32Array
  /** The weights of the rows of outputs, for a loss that weighs them. */
  readonly weights: Float64Array
  /**
   * The weights of layers, in the engine's arrangement: first those that steps move, `count` values with their padding,
   * which is zero; then those of frozen layers.
   */
  readonly trained: { readonly address: number; readonly bytes: number; readonly count: number }
  /** Addresses of `count` arrays, each as large as the weights of layers. */
  places(count: number): readonly number[]
  /** Whether a pass must not add gradients to the weights themselves. */
  readonly apart: boolean
  /** The weights' regularizers and constraints. */
  readonly rules: WeightRules
  readonly outputs: number
  /** The memory of a batch's inputs and outputs. */
  readonly input: Tensor
  readonly output: Tensor
  /** A view of values in memory. Invalid after `places` grows the memory. */
  floats(address: number, count: number): Float32Array
  load(weights: Float32Array): void
  /** Copies the weights out, into a new array by default. */
  save(into?: Float32Array): Float32Array
  /**
   * Copies the weights' difference from a base out, into a new array by default. `isFinite`: whether every value of it is.
   */
  saveDelta(base: Float32Array, into?: Float32Array): { readonly delta: Float32Array; readonly isFinite: boolean }
  forward(pass: Pass): void
  /** Runs the loss. With `scale`, writes the gradient of the outputs, times `scale`. */
  loss(loss: EngineLoss, examples: number, scale?: number): LossSums
  /** The loss of each example. */
  exampleLosses(loss: EngineLoss, examples: number): Float32Array
  /** With `added`, adds to the gradients of taps once the layers after them have written theirs. */
  backward(pass: Pass, added?: readonly AddedGradient[]): void
  /**
   * The output of a layer, by default the input of the last layer with weights. LEARN_SETTING where there is none with a
   * gradient.
   */
  tap(layer?: string): Tap
}

export interface EngineRequest {
  readonly graph: LayerGraph
  /** Number of examples that a pass should take, if memory allows. */
  readonly batch: number
  /** Number of examples of a training batch, for models whose batches can't be split. */
  readonly trainingBatch?: number
  /** The loss that the passes run. Absent: the first losses that are run have one target an example, and no weights. */
  readonly fitted?: FittedLoss | undefined
}

/**
 * Makes memory and kernels for a model. @throws LEARN_ENGINE_MODEL for an unknown layer or setting, or for batches that
 * can't be split and are too large.
 */
export function engine({ graph, batch, trainingBatch = batch, fitted }: EngineRequest): Engine {
  const forLoss = targetsOf(fitted)
  const [one, two] = [1, 2].map((examples) => compile(graph, { batch: examples, trainedBytes: 0, ...forLoss }).plan)
  const exampleBytes = (two?.bytes ?? 0) - (one?.bytes ?? 0)
  const fitting = Math.max(1, Math.min(batch, Math.floor((one?.passBytes ?? 0) / exampleBytes)))
  const layer = one?.wholeBatchFor
  const whole = layer !== undefined ? `layer ${layer}` : fitted?.loss.own?.wholeBatch && `the loss ${fitted.loss.name}`
  const capacity = whole ? Math.max(fitting, trainingBatch) : fitting
  if (capacity > fitting && capacity * exampleBytes > wholeBatchBytes) {
    throw modelError('LEARN_ENGINE_MODEL', {
      reason: `${whole} needs whole batches of ${trainingBatch} examples, which take ${capacity * exampleBytes} bytes; use smaller batches`,
    })
  }
  const [trainedBytes, frozenBytes] = [one?.trainedBytes ?? 0, one?.frozenBytes ?? 0]
  const weightBytes = trainedBytes + frozenBytes
  const compiled = compile(graph, { batch: capacity, trainedBytes, frozenBytes, ...forLoss })
  const { plan, slots, input, output, layers, bytes, targets, weights } = compiled
  const { targets: perExample, weighedRows } = forLoss
  const { blocks, weightCount, blockSize } = blocksOf(slots)
  const rules = weightRules(plan, slots)

  const staging = aligned(plan.bytes)
  /** A block of values beside the staged ones. */
  const besides = aligned(staging + 4 * paddedTo8(blockSize))
  const places = aligned(besides + 4 * paddedTo8(blockSize))
  const placesEnd = (count: number) => places + count * weightBytes
  const pages = Math.ceil(placesEnd(0) / pageBytes)
  if (pages > mostPages) {
    const gigabytes = Math.ceil((pages * pageBytes) / 2 ** 30)
    const reason = `it needs ${gigabytes} GiB of memory with this batch, and a WebAssembly memory has 4 GiB`
    throw modelError('LEARN_ENGINE_MODEL', { reason })
  }
  const memory = new WebAssembly.Memory({ initial: pages })
  const products = plainProducts()
  let kernels = engineKernels(memory, products)
  const byProducts = new Map([[products, kernels]])
  for (const { address, values } of plan.tables) new Uint32Array(memory.buffer, address, values.length).set(values)
  const viewsOf = ({ buffer }: WebAssembly.Memory) => ({
    staged: new Float32Array(buffer, staging, paddedTo8(blockSize)),
    beside: new Float32Array(buffer, besides, paddedTo8(blockSize)),
    features: new Float32Array(buffer, input.value, capacity * tensorSize(input)),
    bytes: new Uint8Array(buffer, bytes, capacity * tensorSize(input)),
    targets: new Float32Array(buffer, targets, capacity * perExample),
    weights: new Float64Array(buffer, weights, capacity * weighedRows),
  })
  let views = viewsOf(memory)
  const outputs = output.pixels * output.channels
  const pitch = 4 * output.pitch
  const lossFrom = (loss: EngineLoss, example: number, examples: number, gradient: number, scale: number) =>
    loss.run(kernels, {
      outputs: output.value + example * output.pixels * pitch,
      pitch,
      examples,
      targets: targets + 4 * example * perExample,
      weights: weights + 8 * example * weighedRows,
      gradient,
      scale,
    })
  return {
    get kernels() {
      return kernels
    },
    use(products) {
      kernels = byProducts.get(products) ?? engineKernels(memory, products)
      byProducts.set(products, kernels)
    },
    capacity,
    outputs,
    input,
    output,
    floats: (address, count) => new Float32Array(memory.buffer, address, count),
    wholeBatchFor: plan.wholeBatchFor,
    seeded: plan.ops.some(({ seeded = false }) => seeded),
    get features() {
      return views.features
    },
    get bytes() {
      return views.bytes
    },
    divideBytes: (examples, divisor) => kernels.divideBytes(bytes, divisor, input.value, examples * tensorSize(input)),
    get targets() {
      return views.targets
    },
    get weights() {
      return views.weights
    },
    trained: { address: plan.trainedStart, bytes: weightBytes, count: trainedBytes / 4 },
    apart: plan.apart || rules.hold,
    rules,
    places(count) {
      const missing = Math.ceil((placesEnd(count) - memory.buffer.byteLength) / pageBytes)
      if (missing > 0) {
        memory.grow(missing)
        views = viewsOf(memory)
      }
      return Array.from({ length: count }, (_, index) => placesEnd(index))
    },
    load(weights) {
      if (weights.length !== weightCount) {
        throw learnError('LEARN_WEIGHTS', { what: 'the weights', expected: weightCount, came: weights.length })
      }
      // A diverged training has left NaN in the padding, too, by adding NaN times zero.
      kernels.fill(plan.trainedStart, 0, weightBytes / 4)
      for (const { slot, from, rows, offset, size } of blocks) {
        views.staged.set(weights.subarray(offset, offset + size))
        slot.load(kernels, staging, from, rows)
      }
    },
    save(into = new Float32Array(weightCount)) {
      for (const { slot, from, rows, offset, size } of blocks) {
        slot.save(kernels, staging, from, rows)
        into.set(views.staged.subarray(0, size), offset)
      }
      return into
    },
    saveDelta(base, into = new Float32Array(weightCount)) {
      const { staged, beside } = views
      let most = 0
      for (const { slot, from, rows, offset, size } of blocks) {
        slot.save(kernels, staging, from, rows)
        beside.set(base.subarray(offset, offset + size))
        // The kernel takes whole vectors: what lies behind the block is cleared.
        const count = paddedTo8(size)
        staged.fill(0, size, count)
        beside.fill(0, size, count)
        most = Math.max(most, kernels.subtract(staging, besides, count))
        into.set(staged.subarray(0, size), offset)
      }
      return { delta: into, isFinite: most < infinityBits }
    },
    forward(pass) {
      for (const op of plan.ops) op.forward(kernels, pass)
    },
    loss: (loss, examples, scale) => lossFrom(loss, 0, examples, scale === undefined ? 0 : output.gradient, scale ?? 0),
    exampleLosses: (loss, examples) =>
      Float32Array.from({ length: examples }, (_, row) => lossFrom(loss, row, 1, 0, 0).loss),
    backward(pass, added = []) {
      for (let index = plan.ops.length; index > 0; index--) {
        for (const { to, add } of added) if (index === to.ops) add()
        plan.ops[index - 1]?.backward(kernels, pass)
      }
    },
    tap(layer = headInput(graph, slots)) {
      const found = layer === undefined ? undefined : layers.get(layer)
      if (found && found.tensor.gradient !== 0) return found
      const names = [...layers].flatMap(([name, { tensor }]) => (tensor.gradient === 0 ? [] : [name]))
      const expected = `a layer with weights before it or of its own: one of ${names.join(', ')}`
      throw learnError('LEARN_SETTING', { name: 'the layer of the representation', expected, value: layer })
    },
  }
}

/** The memory for targets and weights that a loss needs, and whether it takes outputs in rows. */
function targetsOf(fitted: FittedLoss | undefined) {
  const isOwn = fitted?.loss.own !== undefined
  if (!fitted || isOwn) return { targets: 1, weighedRows: 0, inRows: isOwn }
  const { isPlain } = engineLoss(fitted)
  return { targets: fitted.targets, weighedRows: isPlain ? 0 : fitted.rows, inRows: true }
}

/** The layer before the last layer with weights. */
function headInput({ layers }: LayerGraph, weights: readonly WeightSlot[]): string | undefined {
  return layers.findLast((layer) => weights.some((slot) => slot.name.startsWith(`${layerOf(layer)}/`)))?.inputs[0]
}

/** Rows of a weight that are copied in or out together, and their offset in the layout. */
interface WeightBlock {
  readonly slot: WeightSlot
  readonly from: number
  readonly rows: number
  readonly offset: number
  readonly size: number
}

/** The weights in the order of the layout, in blocks of at most the staging memory's size, but of at least one row. */
function blocksOf(weights: readonly WeightSlot[]) {
  const blocks: WeightBlock[] = []
  let weightCount = 0
  for (const slot of inLayoutOrder(weights)) {
    const rowSize = sizeOf(slot.shape) / slot.rows
    const most = Math.max(1, Math.floor(stagingBytes / 4 / rowSize))
    for (let from = 0; from < slot.rows; from += most) {
      const rows = Math.min(most, slot.rows - from)
      blocks.push({ slot, from, rows, offset: weightCount, size: rows * rowSize })
      weightCount += rows * rowSize
    }
  }
  const blockSize = blocks.reduce((largest, { size }) => Math.max(largest, size), 0)
  return { blocks, weightCount, blockSize }
}

/** Orders weights as TensorFlow.js does: trained weights first. */
export function inLayoutOrder(slots: readonly WeightSlot[]): readonly WeightSlot[] {
  return [...slots.filter(({ trained }) => trained), ...slots.filter(({ trained }) => !trained)]
}
