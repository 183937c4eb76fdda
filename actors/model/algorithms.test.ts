import test from 'ava'
import { hierarchical, twoTier, vertical } from '../../sdk/index.ts'
import { runFaults } from './algorithms.ts'

test('choices that need each update are refused under a tree, whether or not the job names its algorithm', (t) => {
  const [flat, tree] = [twoTier({ clients: 6 }).schema, hierarchical({ clients: 6 }).schema]
  const attack = { sort: 'scaled', kwargs: { fraction: 0.2 } }
  for (const modelSpec of [{ attack }, { selector: { sort: 'fair', kwargs: { k: 2 } } }]) {
    t.like(runFaults({ modelSpec }, tree), [{ code: 'ALGORITHM_TOPOLOGY', place: 'modelSpec' }])
    t.deepEqual(runFaults({ modelSpec }, flat), [])
  }
  t.like(runFaults({ modelSpec: { optimizer: { sort: 'median' } } }, tree), [
    { code: 'ALGORITHM_TOPOLOGY', place: 'modelSpec.optimizer.sort' },
  ])
  // The workload's own algorithm may have a buffer.
  t.deepEqual(runFaults({ modelSpec: { selector: { sort: 'fedbuff', kwargs: { c: 2 } } } }, flat), [])
})

test('a job of parties may leave its algorithm to its workload, and name no other than that of parties', (t) => {
  const { schema } = vertical({ parties: 3 })
  for (const modelSpec of [{}, { selector: { sort: 'default' } }, { optimizer: { sort: 'vertical' } }])
    t.deepEqual(runFaults({ modelSpec }, schema), [], JSON.stringify(modelSpec))
  for (const modelSpec of [{ optimizer: { sort: 'fedavg' } }, { stages: { sort: 'clip:1' } }])
    t.like(runFaults({ modelSpec }, schema), [{ code: 'ALGORITHM_TOPOLOGY' }], JSON.stringify(modelSpec))
  const modelSpec = { optimizer: { sort: 'vertical' } }
  t.like(runFaults({ modelSpec }, twoTier({ clients: 3 }).schema), [{ code: 'ALGORITHM_TOPOLOGY' }])
})
