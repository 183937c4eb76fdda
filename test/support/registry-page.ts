import * as tf from '@tensorflow/tfjs'

/** Loads a layers model in a page, and predicts with it. */
export async function predicted(address: string, inputs: readonly number[]): Promise<readonly number[]> {
  const model = await tf.loadLayersModel(address)
  const output = model.predict(tf.tensor2d([...inputs], [1, inputs.length]))
  if (Array.isArray(output)) throw new TypeError('the model has several outputs')
  return [...output.dataSync()]
}
