import { type RecurrentKernels, recurrentKernelNames } from './recurrent-kernels.ts'

/** Input, windows and output of a pooling: addresses, sizes and strides. */
export type PoolArguments = [
  x: number,
  height: number,
  width: number,
  pixel: number,
  sizeY: number,
  sizeX: number,
  strideY: number,
  strideX: number,
  top: number,
  left: number,
  out: number,
  outHeight: number,
  outWidth: number,
]

/** The geometry of a depthwise convolution's windows in an image with a rim. */
export type DepthwiseWindow = readonly [
  line: number,
  pixel: number,
  outHeight: number,
  outWidth: number,
  strideY: number,
  strideX: number,
  sizeY: number,
  sizeX: number,
]

/** Rows of channels and their statistics. */
export type NormalizedRows = readonly [pitch: number, rows: number, columns: number, mean: number, root: number]

/** An activation that writes its slopes, too: at address 0 none. The meaning of `a` and `b` depends on the activation. */
export type CurveArguments = readonly [x: number, y: number, slope: number, a: number, b: number, count: number]
/** Places of a number of values in examples, from which or to which they move. */
type Places = [
  source: number,
  sourceBytes: number,
  sourcePlaces: number,
  target: number,
  targetBytes: number,
  targetPlaces: number,
  count: number,
  examples: number,
]

/** An image, and the block of pixels that each of its pixels becomes. */
type Blocks = [x: number, height: number, width: number, pixel: number, sizeY: number, sizeX: number, out: number]

/** The compiled functions of layers that aren't products, and of losses; conventions as in `Kernels`. */
export interface LayerKernels extends RecurrentKernels {
  rectify(x: number, y: number, slope: number, most: number, count: number): void
  rectifyGradient(x: number, dy: number, dx: number, slope: number, most: number, count: number): void
  tanh(x: number, y: number, count: number): void
  tanhGradient(y: number, dy: number, dx: number, count: number): void
  sigmoid(x: number, y: number, count: number): void
  sigmoidGradient(y: number, dy: number, dx: number, count: number): void
  clearPadding(target: number, pitch: number, rows: number, channels: number): void

  elu(...curve: CurveArguments): void
  gelu(...curve: CurveArguments): void
  geluTanh(...curve: CurveArguments): void
  hardSigmoid(...curve: CurveArguments): void
  mish(...curve: CurveArguments): void
  softplus(...curve: CurveArguments): void
  softsign(...curve: CurveArguments): void
  swish(...curve: CurveArguments): void
  threshold(...curve: CurveArguments): void
  prelu(x: number, alpha: number, period: number, y: number, count: number): void
  preluGradient(x: number, alpha: number, period: number, dy: number, dx: number, count: number): void
  preluWeightGradient(x: number, period: number, dy: number, target: number, scale: number, count: number): void
  softmax(
    x: number,
    y: number,
    pitch: number,
    rows: number,
    columns: number,
    scale: number,
    causal: number,
    mask: number,
  ): void
  softmaxGradient(y: number, dy: number, dx: number, pitch: number, rows: number, scale: number): void

  averagePool(...window: PoolArguments): void
  averagePoolGradient(
    height: number,
    width: number,
    pixel: number,
    sizeY: number,
    sizeX: number,
    strideY: number,
    strideX: number,
    top: number,
    left: number,
    outHeight: number,
    outWidth: number,
    dy: number,
    dx: number,
  ): void
  repeatRow(source: number, scale: number, target: number, rows: number, pitch: number): void

  depthwise(x: number, ...rest: [...DepthwiseWindow, w: number, bias: number, out: number]): void
  depthwiseWeightGradient(x: number, ...rest: [...DepthwiseWindow, dy: number, target: number, scale: number]): void
  depthwiseInputGradient(dx: number, ...rest: [...DepthwiseWindow, w: number, dy: number]): void

  dropout(
    source: number,
    out: number,
    seed: number,
    layer: number,
    threshold: number,
    keep: number,
    count: number,
  ): void

  firstOutside(numbers: number, count: number, rows: number): number
  takeRows(numbers: number, count: number, table: number, pitch: number, out: number): void
  addToRows(numbers: number, count: number, dy: number, scale: number, table: number, pitch: number): void

  columnSums(x: number, pitch: number, rows: number, columns: number, sums: number): void
  columnSquares(x: number, mean: number, pitch: number, rows: number, columns: number, sums: number): void
  groupMeans(sums: number, weights: number, channels: number, groups: number, rows: number, out: number): void
  reciprocalRoots(variance: number, epsilon: number, out: number, count: number): void
  moveTowards(moving: number, value: number, rate: number, count: number): void
  normalize(x: number, ...rest: [...NormalizedRows, gamma: number, beta: number, y: number]): void
  normalizeSums(x: number, dy: number, ...rest: [...NormalizedRows, sums: number]): void
  normalizeGradient(
    x: number,
    dy: number,
    ...rest: [...NormalizedRows, gamma: number, a: number, b: number, dx: number]
  ): void
  normalizeRows(
    x: number,
    pitch: number,
    rows: number,
    columns: number,
    epsilon: number,
    gamma: number,
    beta: number,
    y: number,
    statistics: number,
  ): void
  normalizeRowsGradient(
    x: number,
    dy: number,
    pitch: number,
    rows: number,
    columns: number,
    statistics: number,
    gamma: number,
    sums: number,
    dx: number,
  ): void
  addSums(sums: number, total: number, count: number): void
  addScaledSums(sums: number, scale: number, target: number, count: number): void

  movePlaces(...places: Places): void
  addPlaces(...places: Places): void

  multiply(a: number, b: number, out: number, count: number): void
  larger(a: number, b: number, out: number, count: number): void
  smaller(a: number, b: number, out: number, count: number): void
  whereAtLeast(a: number, b: number, source: number, out: number, count: number): void
  whereAbove(a: number, b: number, source: number, out: number, count: number): void

  addPenaltyGradient(w: number, l1: number, l2: number, target: number, count: number): void
  penalty(w: number, l1: number, l2: number, count: number): number
  limitNorms(w: number, outer: number, length: number, inner: number, least: number, most: number, rate: number): void

  repeatPixels(...blocks: Blocks): void
  sumPixels(...blocks: Blocks): void
  interpolatePixels(...blocks: Blocks): void
  interpolatePixelsGradient(...blocks: Blocks): void

  maskedMean(x: number, pitch: number, rows: number, mask: number, out: number, examples: number): void
  maskedMeanGradient(dy: number, pitch: number, rows: number, mask: number, dx: number, examples: number): void
  packRows(source: number, pitch: number, rows: number, panels: number, target: number, panelBytes: number): void
  unpackRows(source: number, panelBytes: number, rows: number, panels: number, target: number, pitch: number): void

  sigmoidCrossEntropy(
    outputs: number,
    pitch: number,
    rows: number,
    labels: number,
    gradient: number,
    scale: number,
  ): number
  squaredError(outputs: number, pitch: number, rows: number, labels: number, gradient: number, scale: number): number
  softmaxRows(...rows: [...WeighedRows, smoothing: number, gradient: number, scale: number]): number
  sigmoidRows(...rows: [...WeighedRows, smoothing: number, gradient: number, scale: number]): number
  errorRows(kind: number, delta: number, ...rows: [...WeighedRows, gradient: number, scale: number]): number
}

/** Rows of outputs with their targets and weights. */
export type WeighedRows = readonly [
  outputs: number,
  pitch: number,
  rows: number,
  size: number,
  targets: number,
  weights: number,
]

export const layerKernelNames: readonly (keyof LayerKernels)[] = [
  'rectify',
  'rectifyGradient',
  'tanh',
  'tanhGradient',
  'sigmoid',
  'sigmoidGradient',
  'clearPadding',
  'elu',
  'gelu',
  'geluTanh',
  'hardSigmoid',
  'mish',
  'softplus',
  'softsign',
  'swish',
  'threshold',
  'prelu',
  'preluGradient',
  'preluWeightGradient',
  'softmax',
  'softmaxGradient',
  'averagePool',
  'averagePoolGradient',
  'repeatRow',
  'depthwise',
  'depthwiseWeightGradient',
  'depthwiseInputGradient',
  'dropout',
  'firstOutside',
  'takeRows',
  'addToRows',
  'columnSums',
  'columnSquares',
  'groupMeans',
  'reciprocalRoots',
  'moveTowards',
  'normalize',
  'normalizeSums',
  'normalizeGradient',
  'normalizeRows',
  'normalizeRowsGradient',
  'addSums',
  'addScaledSums',
  'movePlaces',
  'maskedMean',
  'maskedMeanGradient',
  'packRows',
  'unpackRows',
  'addPlaces',
  'multiply',
  'larger',
  'smaller',
  'whereAtLeast',
  'whereAbove',
  'addPenaltyGradient',
  'penalty',
  'limitNorms',
  'repeatPixels',
  'sumPixels',
  'interpolatePixels',
  'interpolatePixelsGradient',
  'sigmoidCrossEntropy',
  'squaredError',
  'softmaxRows',
  'sigmoidRows',
  'errorRows',
  ...recurrentKernelNames,
]
