import test from 'ava'
import { givenSettings, runOptions } from './run-options.ts'

test('settings are set apart by commas, which may also be in a value', (t) => {
  t.deepEqual(givenSettings(['rounds=3, clients = 4', 'decimal=,']).overrides, {
    rounds: '3',
    clients: '4',
    decimal: ',',
  })
  t.deepEqual(givenSettings(['places=a,b,rounds=3']).overrides, { places: 'a,b', rounds: '3' })
  t.deepEqual(givenSettings(['partition=dirichlet:0.5', 'rounds=1', 'rounds=2']).overrides, {
    partition: 'dirichlet:0.5',
    rounds: '2',
  })
  for (const none of ['rounds', '=3', '']) t.throws(() => givenSettings([none]), { code: 'RUN_SETTING_SYNTAX' })
})

test('settings that follow a named algorithm in its list are its own', (t) => {
  t.deepEqual(givenSettings(['rounds=3,optimizer=fedadam,eta=0.05,beta1=0.8,selector=random,k=2', 'eta=1']), {
    overrides: { rounds: '3', eta: '1' },
    choices: { optimizer: 'fedadam,eta=0.05,beta1=0.8', selector: 'random,k=2' },
  })
})

const keepOf = (keep: string) => runOptions('.', { store: 'state', keep }).keep

test('--keep takes numbers of the last and the best rounds and every so many, in a short form too', (t) => {
  t.is(keepOf('all'), undefined)
  t.deepEqual(keepOf('last=5,best=1,every=10'), { last: 5, best: 1, every: 10 })
  t.deepEqual(keepOf('best,3'), { last: 3, best: 1 })
  t.deepEqual(keepOf('last'), { last: 1 })
  t.deepEqual(keepOf('every=2, best=2'), { last: 1, best: 2, every: 2 })
  for (const odd of ['', 'every', 'last=0', 'first', 'best=', '0', 'last=1.5', '=3', 'best,'])
    t.throws(() => keepOf(odd), { code: 'RUN_OPTION', message: /--keep expects all, or/ }, odd)
})
