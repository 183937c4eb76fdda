import test from 'ava'
import { overridesOf } from './run-options.ts'

test('settings are set apart by commas, which may also be in a value', (t) => {
  t.deepEqual(overridesOf(['rounds=3, clients = 4', 'decimal=,']), { rounds: '3', clients: '4', decimal: ',' })
  t.deepEqual(overridesOf(['places=a,b,rounds=3']), { places: 'a,b', rounds: '3' })
  t.deepEqual(overridesOf(['partition=dirichlet:0.5', 'rounds=1', 'rounds=2']), {
    partition: 'dirichlet:0.5',
    rounds: '2',
  })
  for (const none of ['rounds', '=3', '']) t.throws(() => overridesOf([none]), { code: 'RUN_SETTING_SYNTAX' })
})
