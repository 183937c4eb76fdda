export { forward, inputGradient, nonzeroRuns, pack, turn, unpack, weightGradient } from './product'
export { add, addScaled, copyRows, divideBytes, fill, reluGradient, sumRows } from './elementwise'
export { maxPool, maxPoolGradient } from './pooling'
export { correct, softmaxCrossEntropy } from './loss'
export {
  winogradInput, winogradInputGradient, winogradOutput, winogradOutputGradient, winogradWeightGradient, winogradWeights,
} from './winograd'
export {
  adamStep, beginGradient, clampValues, gradientStep, momentumStep, moveOn, squaredNorm, takeScaled,
} from './steps'
