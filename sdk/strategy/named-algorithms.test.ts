import test from 'ava'
import { fedAvg } from './algorithms/fed-avg.ts'
import { strategyOf } from './named-algorithms.ts'

test("a job's algorithm needs its settings, also where it was stored without them", (t) => {
  const settled = strategyOf(fedAvg(), { optimizer: { sort: 'fedprox', kwargs: { mu: 0.1 } } })
  t.is(settled.name, 'fedprox')
  for (const named of [{ optimizer: { sort: 'fedprox' } }, { selector: { sort: 'random', kwargs: {} } }])
    t.throws(() => strategyOf(fedAvg(), named), { code: 'JOB_ALGORITHM_SETTING' })
})
