import test from 'ava'
import { givenSettings } from './run-options.ts'

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
