export { forward, inputGradient, nonzeroRuns, pack, turn, unpack, weightGradient } from './product'
export { add, addProximal, addScaled, copyRows, divideBytes, fill, momentumStep, reluGradient, sumRows } from './elementwise'
export { maxPool, maxPoolGradient } from './pooling'
export { correct, softmaxCrossEntropy } from './loss'
export {
  winogradInput, winogradInputGradient, winogradOutput, winogradOutputGradient, winogradWeightGradient, winogradWeights,
} from './winograd'
