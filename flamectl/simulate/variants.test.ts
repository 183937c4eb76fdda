import test from 'ava'
import { variantsOf } from './variants.ts'

const common = { devices: '100', rounds: '5', speed: '3', set: ['fraction=0.1'] }

test('a variant has the common options, and its own ones in their place', (t) => {
  const variants = variantsOf('examples/fleet'.split(' '), common, [
    'plain',
    'buffer=optimizer=fedbuff,bufferSize=10',
    `slow=--speed "lognormal:1, 0.5" --set 'rounds=7,fraction=0.2' --hours 2`,
    'short=--rounds 2',
  ])
  t.deepEqual(
    variants.map(({ name }) => name),
    ['plain', 'buffer', 'slow', 'short'],
  )
  const [plain, buffer, slow, short] = variants
  t.like(plain, { devices: 100, overrides: { rounds: '5', fraction: '0.1' }, choices: {}, behaviour: { speed: '3' } })
  t.like(buffer, { choices: { optimizer: 'fedbuff,bufferSize=10' } })
  t.like(slow, { hours: 2, overrides: { rounds: '7', fraction: '0.2' }, behaviour: { speed: 'lognormal:1, 0.5' } })
  t.like(short, { overrides: { rounds: '2' } })
})

test('workloads are variants by themselves, or have each variant', (t) => {
  const names = (texts: readonly string[]) => variantsOf(['a', './b/'], common, texts).map(({ name }) => name)
  t.deepEqual(names([]), ['a', 'b'])
  t.deepEqual(names(['x', 'y']), ['a/x', 'a/y', 'b/x', 'b/y'])
})

for (const [title, texts] of [
  ['without a name', ['--speed 3']],
  ['with an empty name', ['=fraction=0.2']],
  ['twice', ['a', 'a=fraction=1']],
  ['with an option of the whole comparison', ['a=--seeds 3']],
  ['with a word too many', ['a=--speed 3 4']],
  ['without the value of an option', ['a=--speed']],
] as const)
  test(`a variant ${title} is refused`, (t) => {
    const refused = t.throws(() => variantsOf(['w'], common, texts), { code: 'OPTION_VALUE' })
    t.true(refused?.message.startsWith('--variant expects'), refused?.message)
  })
