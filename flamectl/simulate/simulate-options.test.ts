import test from 'ava'
import { simulateOptions } from './simulate-options.ts'

const given = { devices: '1000' }

test('the options of a simulation are read', (t) => {
  const options = simulateOptions('w', {
    ...given,
    ...{ rounds: '7', hours: '0.5', seed: '3', speed: 'lognormal:1,0.5', dropout: '0.1', json: true },
    set: ['optimizer=fedbuff,bufferSize=10', 'fraction=0.2'],
    aggregatorUpdates: ['500/s', 'top-aggregator=9/s'],
  })
  t.like(options, {
    ...{ devices: 1000, hours: 0.5, seed: 3, format: 'json', resume: false },
    overrides: { rounds: '7', fraction: '0.2' },
    choices: { optimizer: 'fedbuff,bufferSize=10' },
    behaviour: { speed: 'lognormal:1,0.5', dropout: '0.1' },
    aggregators: { updates: ['500/s', 'top-aggregator=9/s'], memory: undefined },
  })
  t.deepEqual(Object.keys(options.behaviour), ['speed', 'dropout'])
})

for (const [title, raw, option] of [
  ['no devices', { devices: undefined }, '--devices'],
  ['none of the devices', { devices: '0' }, '--devices'],
  ['part of a device', { devices: '1.5' }, '--devices'],
  ['too many devices', { devices: '1000000000' }, '--devices'],
  ['clients besides devices', { set: ['clients=5'] }, '--set'],
  ['two numbers of rounds', { rounds: '5', set: ['rounds=6'] }, '--rounds'],
  ['no rounds', { rounds: '0' }, '--rounds'],
  ['negative hours', { hours: '-2' }, '--hours'],
  ['hours without end', { hours: 'Infinity' }, '--hours'],
  ['empty hours', { hours: '' }, '--hours'],
  ['a seed that is no number', { seed: 'x' }, '--seed'],
  ['a store without a name', { store: ' ' }, '--store'],
  ['a resumption without a store', { resume: true }, '--resume'],
] as const)
  test(`${title} is refused with the option's name`, (t) => {
    const refused = t.throws(() => simulateOptions('w', { ...given, ...raw }), { code: 'OPTION_VALUE' })
    t.true(refused?.message.startsWith(`${option} expects`), refused?.message)
  })
