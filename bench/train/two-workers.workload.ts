import { fedAvg, twoTier, workload } from '../../sdk/index.ts'
import { measuredLearner, randomExamples } from './measured-learner.ts'

/** Clients as in the main job: the 2NN at B = 10 on 600 examples each. */
export default workload({
  name: 'two-workers',
  settings: { rounds: 1, clients: 2 },
  learner: () => measuredLearner('2nn', 10),
  data({ clients }) {
    const examples = randomExamples('2nn', 600)
    return { clients, client: () => examples, test: examples }
  },
  topology: ({ clients }) => twoTier({ clients }),
  strategy: () => fedAvg({ fraction: 1 }),
})
