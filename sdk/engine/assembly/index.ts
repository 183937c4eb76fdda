export { pack, packRows, turn, unpack, unpackRows } from './panels'
export { add, addScaled, copyRows, divideBytes, fill, reluGradient, subtract, sumRows } from './elementwise'
export { maxPool, maxPoolGradient } from './pooling'
export { correct, sigmoidCrossEntropy, softmaxCrossEntropy, squaredError } from './loss'
export { errorRows, sigmoidRows, softmaxRows } from './row-loss'
export { clearPadding, rectify, rectifyGradient, sigmoid, sigmoidGradient, tanh, tanhGradient } from './activation'
export { averagePool, averagePoolGradient, repeatRow } from './average-pooling'
export {
  elu, gelu, geluTanh, hardSigmoid, mish, prelu, preluGradient, preluWeightGradient, softplus, softsign, swish, threshold,
} from './curve'
export { dropout } from './dropout'
export { addToRows, firstOutside, takeRows } from './embedding'
export {
  addScaledSums, addSums, columnSquares, columnSums, groupMeans, moveTowards, normalize, normalizeGradient, normalizeSums, reciprocalRoots,
} from './normalization'
export { normalizeRows, normalizeRowsGradient } from './layer-normalization'
export { maskedMean, maskedMeanGradient } from './masked-mean'
export { larger, multiply, smaller, whereAbove, whereAtLeast } from './merging'
export { addPlaces, movePlaces } from './places'
export { addPenaltyGradient, limitNorms, penalty } from './rules'
export { softmax, softmaxGradient } from './softmax'
export { interpolatePixels, interpolatePixelsGradient, repeatPixels, sumPixels } from './upsampling'
export {
  adamStep, beginGradient, clampValues, gradientStep, keepMasked, momentumStep, moveOn, squaredNorm, takeScaled,
} from './steps'
export {
  gruGates, gruGatesGradient, gruStep, gruStepGradient, lstmGradient, lstmStep, maskOfRows, maskRows, packGates,
  simpleGradient, simpleStep, unpackGates,
} from './recurrent'
