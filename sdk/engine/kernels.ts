import { engineBase64 } from './engine-bytes.ts'
import { type LayerKernels, layerKernelNames, type PoolArguments } from './layer-kernels.ts'
import { compiled, plainProducts } from './products/product-modules.ts'

/** The compiled functions of assembly/. Addresses and strides are in bytes, counts in numbers of values; flags are 0 or 1. */
export interface Kernels extends LayerKernels {
  forward(
    x: number,
    offsets: number,
    rows: number,
    runs: number,
    runCount: number,
    w: number,
    panelBytes: number,
    panels: number,
    bias: number,
    out: number,
    pitch: number,
    relu: number,
  ): void
  weightGradient(
    x: number,
    xStride: number,
    lineStride: number,
    lines: number,
    count: number,
    runs: number,
    runCount: number,
    dy: number,
    pitch: number,
    target: number,
    panelBytes: number,
    panels: number,
    scale: number,
  ): void
  inputGradient(
    dy: number,
    pitch: number,
    rows: number,
    w: number,
    panelBytes: number,
    panels: number,
    dx: number,
    xPitch: number,
    inputs: number,
  ): void
  nonzeroRuns(x: number, rows: number, rowBytes: number, runs: number): number
  pack(source: number, rows: number, columns: number, places: number, target: number, panelBytes: number): void
  unpack(source: number, panelBytes: number, rows: number, columns: number, places: number, target: number): void
  turn(
    source: number,
    sourcePanelBytes: number,
    positions: number,
    inputs: number,
    outputs: number,
    target: number,
    targetPanelBytes: number,
  ): void
  reluGradient(y: number, dy: number, count: number): void
  sumRows(source: number, pitch: number, rows: number, columns: number, target: number, scale: number): void
  add(a: number, b: number, out: number, count: number): void
  addScaled(source: number, scale: number, target: number, count: number): void
  subtract(values: number, base: number, count: number): number
  fill(target: number, value: number, count: number): void
  copyRows(source: number, sourcePitch: number, target: number, targetPitch: number, rows: number, bytes: number): void
  beginGradient(w: number, slope: number, offset: number, gradient: number, count: number): void
  moveOn(w: number, moves: number, rate: number, keep: number, slope: number, offset: number, count: number): void
  gradientStep(w: number, gradient: number, scale: number, decay: number, rate: number, ...next: NextGradient): void
  momentumStep(
    w: number,
    gradient: number,
    velocity: number,
    scale: number,
    decay: number,
    momentum: number,
    nesterov: number,
    rate: number,
    ...next: NextGradient
  ): void
  adamStep(
    w: number,
    gradient: number,
    m: number,
    v: number,
    scale: number,
    decay: number,
    keep: number,
    beta1: number,
    beta2: number,
    rate: number,
    spread: number,
    epsilon: number,
    ...next: NextGradient
  ): void
  takeScaled(source: number, scale: number, target: number, count: number): void
  squaredNorm(x: number, count: number): number
  keepMasked(x: number, mask: number, others: number, count: number): void
  clampValues(x: number, limit: number, count: number): void
  divideBytes(source: number, divisor: number, target: number, count: number): void
  winogradInput(
    image: number,
    lineBytes: number,
    pixelBytes: number,
    tilesY: number,
    tilesX: number,
    outputs: number,
    v: number,
    matrixBytes: number,
  ): void
  winogradInputGradient(
    dv: number,
    matrixBytes: number,
    image: number,
    lineBytes: number,
    pixelBytes: number,
    tilesY: number,
    tilesX: number,
    outputs: number,
  ): void
  winogradOutput(
    product: number,
    matrixBytes: number,
    tilesY: number,
    tilesX: number,
    outputs: number,
    bias: number,
    image: number,
    height: number,
    width: number,
    pixelBytes: number,
    relu: number,
  ): void
  winogradOutputGradient(
    image: number,
    height: number,
    width: number,
    pixelBytes: number,
    tilesY: number,
    tilesX: number,
    outputs: number,
    product: number,
    matrixBytes: number,
  ): void
  winogradWeights(
    kernel: number,
    panelBytes: number,
    panels: number,
    size: number,
    inputs: number,
    target: number,
    targetPanelBytes: number,
    matrixBytes: number,
  ): void
  winogradWeightGradient(
    gradient: number,
    gradientPanelBytes: number,
    matrixBytes: number,
    panels: number,
    size: number,
    inputs: number,
    target: number,
    panelBytes: number,
    scale: number,
  ): void
  maxPool(...window: PoolArguments): void
  maxPoolGradient(...window: [...PoolArguments, dy: number, dx: number]): void
  softmaxCrossEntropy(
    outputs: number,
    pitch: number,
    rows: number,
    classes: number,
    labels: number,
    gradient: number,
    scale: number,
  ): number
  /** Number of rows of the last loss with the right class. */
  readonly correct: WebAssembly.Global
}

/**
 * Terms of the next batch's gradient (slope·w + offset), to which its gradients are added, and the length of each
 * array.
 */
type NextGradient = readonly [slope: number, offset: number, count: number]

/** Memory below this address belongs to the kernels, for tables of exp and log. */
export const firstFreeAddress = 65_536

let others: WebAssembly.Module | undefined

/**
 * Instantiates the kernels over memory: those of products from a module of `products`, by default the plain ones. Several
 * instances may share memory, since they keep nothing there between calls.
 */
export function engineKernels(memory: WebAssembly.Memory, products = plainProducts()): Kernels {
  others ??= compiled(engineBase64)
  const exportsOf = (module: WebAssembly.Module) =>
    new WebAssembly.Instance(module, { env: { memory, abort: () => {} } }).exports
  const exports = { ...exportsOf(others), ...exportsOf(products) }
  if (!isKernels(exports)) throw new TypeError('the engine module lacks an export; build it again')
  return exports
}

const names: readonly (keyof Kernels)[] = [
  'forward',
  'weightGradient',
  'inputGradient',
  'nonzeroRuns',
  'pack',
  'unpack',
  'turn',
  'reluGradient',
  'sumRows',
  'add',
  'addScaled',
  'fill',
  'subtract',
  'copyRows',
  'beginGradient',
  'moveOn',
  'gradientStep',
  'divideBytes',
  'momentumStep',
  'adamStep',
  'squaredNorm',
  'clampValues',
  'keepMasked',
  'takeScaled',
  'winogradInput',
  'winogradInputGradient',
  'winogradOutput',
  'winogradOutputGradient',
  'winogradWeightGradient',
  'winogradWeights',
  'maxPool',
  'maxPoolGradient',
  'softmaxCrossEntropy',
  ...layerKernelNames,
]

function isKernels(exports: object): exports is Kernels {
  const present = new Map<string, unknown>(Object.entries(exports))
  return (
    present.get('correct') instanceof WebAssembly.Global &&
    names.every((name) => typeof present.get(name) === 'function')
  )
}
