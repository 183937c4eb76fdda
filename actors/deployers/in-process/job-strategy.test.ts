import test from 'ava'
import { fedAvg } from '../../../sdk/index.ts'
import { strategyOf } from './job-strategy.ts'

test("a job's algorithm needs its settings, also where it was stored without them", (t) => {
  const settled = strategyOf(fedAvg(), { optimizer: { sort: 'fedprox', kwargs: { mu: 0.1 } } })
  t.is(settled.name, 'fedprox')
  for (const modelSpec of [{ optimizer: { sort: 'fedprox' } }, { selector: { sort: 'random', kwargs: {} } }])
    t.throws(() => strategyOf(fedAvg(), modelSpec), { code: 'JOB_ALGORITHM_SETTING' })
})
