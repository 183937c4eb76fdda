export { forward, inputGradient, nonzeroRuns, weightGradient } from './product'
export { depthwise, depthwiseInputGradient, depthwiseWeightGradient } from './depthwise'
export {
  winogradInput, winogradInputGradient, winogradOutput, winogradOutputGradient, winogradWeightGradient, winogradWeights,
} from './winograd'
