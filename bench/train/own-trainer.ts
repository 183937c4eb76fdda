import { type Products, randomStream, subset } from '../../sdk/index.ts'
import { measuredLearner, randomExamples } from './measured-learner.ts'
import { serveSlices } from './slices.ts'

const products: Products = process.argv[2] === 'fused' ? 'fused' : 'plain'

/** Program: this project's learner, with plain or fused products, in whole trainings that each take about a tenth of a slice. */
await serveSlices(async ({ model, batch }) => {
  const examples = randomExamples(model, 6_000)
  const learner = await measuredLearner(model, batch)
  const weights = await learner.initialWeights(randomStream(1, 'initial-weights'))
  let count = batch
  return async (seconds) => {
    const began = performance.now()
    let samples = 0
    for (let round = 1; ; round++) {
      const indices = Uint32Array.from({ length: count }, (_, index) => index)
      const random = randomStream(1, round, 'train')
      await learner.train({ weights, examples: subset(examples, indices), random, products })
      samples += count
      const elapsed = (performance.now() - began) / 1000
      // A tenth of a slice: long enough that the costs of a training besides its steps don't count.
      const steps = Math.round(((samples / elapsed) * (seconds / 10)) / batch)
      count = Math.min(Math.max(steps, 1) * batch, examples.count)
      if (elapsed >= seconds) return samples / elapsed
    }
  }
})
