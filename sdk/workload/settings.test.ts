import test from 'ava'
import type { Settings } from '../role/role.ts'
import { resolveSettings } from './settings.ts'

const defaults = { rounds: 30, clients: 100, fraction: 0.1, rate: 1, partition: 'iid', verbose: false }

test('overrides are read as the type of their default', (t) => {
  t.deepEqual(resolveSettings(defaults, { rounds: '3', rate: '2.5e-1', partition: 'shards', verbose: 'true' }), {
    ...defaults,
    rounds: 3,
    rate: 0.25,
    partition: 'shards',
    verbose: true,
  })
  t.deepEqual(resolveSettings(defaults, {}), defaults)
})

test('an unknown name is refused with the known ones', (t) => {
  const error = t.throws(() => resolveSettings(defaults, { round: '3' }), { code: 'WORKLOAD_SETTING' })
  t.true(error !== undefined && 'hint' in error && String(error.hint).includes('rounds, clients, fraction'))
  t.throws(() => resolveSettings(defaults, { constructor: 'x' }), { code: 'WORKLOAD_SETTING' })
})

const impossible: readonly (readonly [string, string])[] = [
  ['rounds', '0'],
  ['rounds', '1.5'],
  ['rounds', ''],
  ['rounds', 'ten'],
  ['rounds', '0x10'],
  ['clients', '-1'],
  ['clients', '1e999'],
  ['clients', '1000001'],
  ['clients', '1e11'],
  ['fraction', '0'],
  ['fraction', '1.01'],
  ['fraction', 'NaN'],
  ['rate', 'Infinity'],
  ['verbose', 'yes'],
]
for (const [name, value] of impossible) {
  test(`${name}=${value} is refused`, (t) => {
    t.throws(() => resolveSettings(defaults, { [name]: value }), { code: 'WORKLOAD_VALUE' })
  })
}

test('each workload has the setting arithmetic, and a job only if it names it', (t) => {
  t.false('arithmetic' in resolveSettings(defaults, {}))
  for (const arithmetic of ['plain', 'fused', 'fused-only'])
    t.deepEqual(resolveSettings<Settings>(defaults, { arithmetic }), { ...defaults, arithmetic })
  t.like(resolveSettings({ ...defaults, arithmetic: 'fused' }, {}), { arithmetic: 'fused' })
  const message = "setting arithmetic must be one of plain, fused, fused-only, but is 'exact'"
  t.throws(() => resolveSettings(defaults, { arithmetic: 'exact' }), { code: 'WORKLOAD_VALUE', message })
  t.throws(() => resolveSettings({ ...defaults, arithmetic: 'exact' }, {}), { code: 'WORKLOAD_VALUE', message })
})

test('an impossible default is refused too', (t) => {
  t.throws(() => resolveSettings({ ...defaults, clients: 0 }, {}), { code: 'WORKLOAD_VALUE' })
})
