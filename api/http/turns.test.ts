import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { requestTurns } from './turns.ts'

/** Takes turns, and notes the order in which requests begin. */
function noted(perTurn: number) {
  const begun: string[] = []
  const take = requestTurns({ hold() {}, release: () => false }, perTurn)
  return { begun, take: (caller: string, name = caller) => take(caller, () => void begun.push(name)) }
}

test('requests begin at once up to the bound, and the others in later turns of the event loop', async (t) => {
  const { begun, take } = noted(2)
  for (const name of ['1', '2', '3', '4', '5']) take('a', name)
  t.deepEqual(begun, ['1', '2'])
  await setImmediate()
  t.deepEqual(begun, ['1', '2', '3', '4'])
  await setImmediate()
  t.deepEqual(begun, ['1', '2', '3', '4', '5'])
  await setImmediate()
  take('a', '6')
  t.is(begun.at(-1), '6', 'nothing waits any more')
})

test('a caller with one request waits for no more than one request of each other caller', async (t) => {
  const { begun, take } = noted(2)
  for (let n = 0; n < 1000; n++) take('flood')
  take('b')
  take('c')
  await setImmediate()
  await setImmediate()
  t.deepEqual(begun.slice(2), ['flood', 'b', 'c', 'flood'])
})

test('a request that comes while others wait does not overtake them', async (t) => {
  const { begun, take } = noted(1)
  take('a', 'first')
  take('a', 'second')
  await setImmediate()
  take('a', 'third')
  await setImmediate()
  await setImmediate()
  t.deepEqual(begun, ['first', 'second', 'third'])
})

test('the source is held as long as requests wait, and released as far as a turn has room', async (t) => {
  const told: string[] = []
  let held = 3
  const intake = {
    hold: () => void told.push('hold'),
    release(count: number) {
      told.push(`release ${count}`)
      held = Math.max(0, held - count)
      return held > 0
    },
  }
  const take = requestTurns(intake, 2)
  for (const name of ['1', '2', '3', '4', '5']) take(name, () => {})
  t.deepEqual(told, ['hold'])
  for (let turn = 0; turn < 5; turn++) await setImmediate()
  t.deepEqual(told, ['hold', 'release 1', 'release 2'])
})
