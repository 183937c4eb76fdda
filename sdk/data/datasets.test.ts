import test from 'ava'
import { datasetsOf } from './datasets.ts'

test('a dataset is found by its name, by its client, and by the number of a client without a name', (t) => {
  const datasets = datasetsOf({ paths: { ward: '/data/ward.csv', 2: '/data/2.csv' }, ofClients: { 7: 'ward' } })
  t.is(datasets.path('ward'), '/data/ward.csv')
  t.is(datasets.path(7), '/data/ward.csv')
  t.is(datasets.path(2), '/data/2.csv')
})

test('a dataset that this process has not is refused with the names of those that it has', (t) => {
  const datasets = datasetsOf({ paths: { ward: '/data/ward.csv' }, ofClients: { 3: 'clinic' } })
  const error = t.throws(() => datasets.path(3), { code: 'DATASET_ELSEWHERE' })
  t.regex(String(error?.message), /clinic.*has ward/)
  t.throws(() => datasets.path('constructor'), { code: 'DATASET_ELSEWHERE' })
  t.throws(() => datasetsOf().path(0), { code: 'DATASET_ELSEWHERE', message: /has none/ })
})
