import test from 'ava'
import fc from 'fast-check'
import { type Append, KeyQueues, planAppends } from './journal-appends.ts'

const kept: Append = { bytes: Uint8Array.of(1), expected: undefined, resolve() {}, reject() {} }

test('appends that expect another number than they would get are refused, and the others numbered as if those were not there', (t) => {
  const expectations = fc.array(fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }), { maxLength: 12 })
  fc.assert(
    fc.property(expectations, fc.integer({ min: 1, max: 6 }), (some, first) => {
      const found: unknown[] = []
      const appends = some.map(
        (expected, index): Append => ({
          ...kept,
          expected,
          resolve: (number) => (found[index] = number),
          reject: () => (found[index] = 'refused'),
        }),
      )
      const plan = planAppends('key', appends, first)
      plan.settle()
      let next = first
      const expectedOutcomes = some.map((expected) =>
        expected === undefined || expected === next ? next++ : 'refused',
      )
      t.deepEqual(found, expectedOutcomes)
      t.is(plan.accepted.length, next - first)
    }),
  )
})

test('work on a key is done in the order of the calls, appends that wait together at once, and keys don’t wait for each other', async (t) => {
  const done: string[] = []
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const queues = new KeyQueues(async (key, appends) => {
    if (key === 'held') await held
    done.push(`${key}:${appends.map(({ bytes }) => bytes[0]).join('')}`)
    for (const { resolve } of appends) resolve(1)
  })
  const append = (key: string, byte: number) => queues.append(key, Uint8Array.of(byte), undefined)
  const work = [
    ...[append('held', 1), append('a', 1), append('a', 2)],
    queues.run('a', async () => void done.push('a:work')),
    append('a', 3),
  ]
  await Promise.all(work.slice(1))
  t.deepEqual(done, ['a:12', 'a:work', 'a:3'])
  const second = append('held', 2)
  release()
  await Promise.all([work[0], second])
  t.deepEqual(done.slice(3), ['held:1', 'held:2'])
})

test('appends that are many or large are written one part after the other', async (t) => {
  const sizes: number[] = []
  const queues = new KeyQueues(async (_, appends) => {
    sizes.push(appends.length)
    for (const { resolve } of appends) resolve(1)
  })
  await Promise.all(Array.from({ length: 1200 }, () => queues.append('many', new Uint8Array(1), undefined)))
  t.deepEqual(sizes.splice(0), [500, 500, 200])
  await Promise.all(Array.from({ length: 4 }, () => queues.append('large', new Uint8Array(800_000), undefined)))
  t.deepEqual(sizes, [2, 2])
})

test('a write that fails is told to those that were in it, and the next goes on', async (t) => {
  let calls = 0
  const queues = new KeyQueues(async (_, appends) => {
    calls += 1
    if (calls === 1) throw new Error('the server has gone')
    for (const { resolve } of appends) resolve(7)
  })
  await t.throwsAsync(queues.append('key', Uint8Array.of(1), undefined), { message: 'the server has gone' })
  t.is(await queues.append('key', Uint8Array.of(2), undefined), 7)
})
