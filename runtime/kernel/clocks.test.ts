import test from 'ava'
import { manualClock, systemClock, virtualClock } from './clocks.ts'

test('a manual clock fires what falls due, at its own time, also what a callback schedules within', (t) => {
  const clock = manualClock()
  const fired: string[] = []
  const note = (name: string) => () => void fired.push(`${name}@${clock.now()}`)
  clock.schedule(10, note('b'))
  clock.schedule(5, () => {
    note('a')()
    clock.schedule(0, note('at once'))
    clock.schedule(5, note('c'))
    clock.schedule(6, note('later'))
  })
  clock.schedule(-1, note('overdue'))
  clock.schedule(7, note('cancelled'))()
  clock.advance(4)
  t.deepEqual(fired, ['overdue@0'])
  clock.advance(6)
  t.deepEqual(fired, ['overdue@0', 'a@5', 'at once@5', 'b@10', 'c@10'])
  clock.advance(1)
  t.is(fired.at(-1), 'later@11')
  t.is(clock.now(), 11)
})

test('a virtual clock jumps to the next timer, fires all of that time, and tells of what is scheduled', (t) => {
  const clock = virtualClock()
  const fired: string[] = []
  let told = 0
  clock.attach(() => (told += 1))
  t.false(clock.jump())
  clock.schedule(3_600_000, () => {
    fired.push('hour')
    clock.schedule(0, () => fired.push('then'))
  })
  clock.schedule(3_600_000, () => fired.push('too'))
  const cancel = clock.schedule(10, () => fired.push('cancelled'))
  t.is(clock.pending, 3)
  cancel()
  t.is(clock.pending, 2)
  t.true(clock.jump())
  t.is(clock.now(), 3_600_000)
  t.deepEqual(fired, ['hour', 'too', 'then'])
  t.is(told, 4)
  t.false(clock.jump())
  t.is(clock.now(), 3_600_000)
})

test('the system clock does not go backwards, fires in order, and not what was cancelled', async (t) => {
  const clock = systemClock()
  const began = clock.now()
  const fired: string[] = []
  await new Promise<void>((resolve) => {
    clock.schedule(1, () => fired.push('cancelled'))()
    clock.schedule(1, () => fired.push('first'))
    clock.schedule(5, resolve)
  })
  t.deepEqual(fired, ['first'])
  t.true(clock.now() >= began)
})

test('a delay longer than the platform keeps does not fire at once', async (t) => {
  const clock = systemClock()
  let fired = false
  const cancel = clock.schedule(2 ** 40, () => (fired = true))
  await new Promise<void>((resolve) => void clock.schedule(5, resolve))
  cancel()
  t.false(fired)
})
