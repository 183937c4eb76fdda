import trivial from '../../examples/trivial/workload.ts'
import { scaffold } from '../../sdk/index.ts'

/** A learner that does almost nothing, for clients that keep a control variate between their rounds. */
export const stateful: typeof trivial = {
  ...trivial,
  async learner(settings) {
    const learner = await trivial.learner(settings)
    return {
      ...learner,
      ownSteps: { learningRate: 0.1, epochs: 1, batch: 1 },
      train: async (request) => ({ ...(await learner.train(request)), steps: 1 }),
    }
  },
  strategy: () => scaffold({ fraction: 0.4 }),
}
