import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import test from 'ava'
import { layersLearner, type ModelRegistry, randomStream, weightsHash } from '../sdk/index.ts'
import { fileRegistry, loadLayersModel, remoteRegistry } from '../sdk/node/index.ts'
import { browserBundle, callInPage, emptyPage, siteOf, startChromium } from './support/chromium.ts'
import { mlflowServer } from './support/mlflow-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** Commits a layers model as round 1 of `paged`. */
async function commitTo(registry: ModelRegistry): Promise<void> {
  const { layout, modelTopology, initialWeights } = await layersLearner({
    model: ({ layers, sequential }) =>
      sequential({
        layers: [
          layers.dense({ units: 5, activation: 'tanh', inputShape: [3] }),
          layers.dense({ units: 2, activation: 'softmax' }),
        ],
      }),
    ...{ loss: 'softmaxCrossEntropy', learningRate: 0.1, epochs: 1, batch: 1 },
  })
  const weights = await initialWeights(randomStream(7))
  const hash = await weightsHash(weights)
  const lineage = { job: 'paged', workload: 'paged', seed: 7, round: 1, metrics: {}, members: [], hash }
  await registry.commit({ ...lineage, weights, layout, modelTopology })
}

test('a page loads a round of files and of MLflow by TensorFlow.js, and predicts as a program does', async (t) => {
  await using folder = await temporaryFolder()
  await using mlflow = await mlflowServer()
  const files = fileRegistry(folder.path)
  await commitTo(files)
  await commitTo(await remoteRegistry(`mlflow:${mlflow.url}`, {}))
  const round = (await files.describe('paged', 1)).location
  const found = await fetch(`${mlflow.url}/api/2.0/mlflow/model-versions/get?name=paged&version=1`)
  const { source } = Object(await found.json()).model_version
  const artifacts = String(source).replace(/^mlflow-artifacts:\/*/, '')
  await using site = await siteOf({
    '/': emptyPage,
    '/page.js': await browserBundle(new URL('./support/registry-page.js', import.meta.url)),
    '/round/model.json': await readFile(join(round, 'model.json')),
    '/round/weights.bin': await readFile(join(round, 'weights.bin')),
  })
  await using browser = await startChromium()
  const page = await browser.open(site.address)
  const inputs = [0.5, -1, 2]
  const output = (await loadLayersModel(round, tf)).predict(tf.tensor2d(inputs, [1, 3]))
  const expected = Array.isArray(output) ? [] : [...output.dataSync()]
  t.is(expected.length, 2)
  for (const address of [
    `${site.address}round/model.json`,
    `${mlflow.url}/api/2.0/mlflow-artifacts/artifacts/${artifacts}/model.json`,
  ]) {
    const predicted = await callInPage(page, '/page.js', 'predicted', [address, inputs])
    if (!Array.isArray(predicted)) return t.fail('the page predicts nothing')
    // A page may compute on another backend than Node.
    for (const [index, value] of expected.entries()) t.true(Math.abs(value - predicted[index]) < 1e-5, address)
  }
  t.deepEqual(browser.complaints, [])
})
