import { nativeTensorFlow } from '../../sdk/node/index.ts'
import { measuredModels } from '../train/measured-learner.ts'
import { serveSlices } from '../train/slices.ts'

/** Program, with the name of a backend: the plain TensorFlow.js training loop, on batches that are tensors already. */
const tf = await tensorFlow(process.argv[2])
const examples = 6_000

await serveSlices(async ({ model: name, batch }) => {
  const { model: make, shape, classes, numbers } = measuredModels[name]
  const model = make(tf)
  const optimizer = tf.train.sgd(0.1)
  const batches = Array.from({ length: Math.floor(examples / batch) }, () => ({
    features: numbers ? tf.randomUniform([batch, ...shape], 0, numbers, 'int32') : tf.randomUniform([batch, ...shape]),
    labels: tf.oneHot(tf.randomUniform([batch], 0, classes, 'int32'), classes),
  }))
  let position = 0
  return async (seconds) => {
    const began = performance.now()
    for (let samples = batch; ; samples += batch) {
      const { features, labels } = batches[position++ % batches.length] ?? {}
      if (!features || !labels) throw new Error('a batch needs more examples than there are')
      optimizer.minimize(() => {
        const outputs = model.apply(features, { training: true })
        if (!(outputs instanceof tf.Tensor)) throw new Error('the model has several outputs')
        return tf.losses.softmaxCrossEntropy(labels, outputs)
      })
      const elapsed = (performance.now() - began) / 1000
      if (elapsed >= seconds) return samples / elapsed
    }
  }
})

async function tensorFlow(backend: string | undefined) {
  if (backend === 'node') {
    const native = await nativeTensorFlow()
    if (!native) throw new Error('there is no native TensorFlow: run npm run native')
    return native
  }
  const plain = await import('@tensorflow/tfjs')
  await import('@tensorflow/tfjs-backend-wasm')
  plain.enableProdMode()
  if (backend !== 'wasm' || !(await plain.setBackend('wasm'))) throw new Error(`no backend ${backend}`)
  return plain
}
