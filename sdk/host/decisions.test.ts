import test from 'ava'
import { encode, isNumber, isStrings, memoryStore } from '../../runtime/index.ts'
import { JournalledDecisions } from './decisions.ts'

const key = 'job/job-1/top-0'
const open = (store: ReturnType<typeof memoryStore>, round = 0) => JournalledDecisions.open(store, key, round)

test('what was recorded is recalled by whoever opens the same round, also in another process', async (t) => {
  const store = memoryStore()
  const first = await open(store)
  const place = first.place('selected')
  t.is(first.recall(place, isStrings), undefined)
  first.record(place, ['a', 'b'])
  t.deepEqual(first.recall(place, isStrings), ['a', 'b'])
  await first.flush()
  const second = await open(store)
  t.true(second.any)
  t.deepEqual(second.recall(second.place('selected'), isStrings), ['a', 'b'])
})

test('a later record of the same place supersedes', async (t) => {
  const store = memoryStore()
  const first = await open(store)
  const place = first.place('counted')
  first.record(place, ['a', 'b'])
  first.record(place, ['a'])
  await first.flush()
  const second = await open(store)
  t.deepEqual(second.recall(second.place('counted'), isStrings), ['a'])
})

test('decisions of one name are told apart by the order of the calls', async (t) => {
  const store = memoryStore()
  const first = await open(store)
  for (const value of [7, 8]) first.record(first.place('now'), value)
  first.record(first.place('selected'), ['a'])
  await first.flush()
  const second = await open(store)
  t.deepEqual(second.recall(second.place('selected'), isStrings), ['a'])
  t.deepEqual(
    [1, 2].map(() => second.recall(second.place('now'), isNumber)),
    [7, 8],
  )
  t.is(second.recall(second.place('now'), isNumber), undefined)
})

test('decisions of committed rounds are not those of the next one', async (t) => {
  const store = memoryStore()
  const first = await open(store)
  first.record(first.place('now'), 7)
  await first.flush()
  await first.next()
  t.false(first.any)
  t.is(first.recall(first.place('now'), isNumber), undefined)
  t.is((await open(store, 1)).any, false)
})

test('a round that committed nothing keeps its number, and its calls count anew', async (t) => {
  const store = memoryStore()
  const decisions = await open(store)
  t.is(decisions.place('now'), decisions.place('now').replace('#1', '#0'))
  decisions.repeat()
  t.is(decisions.place('now'), 'now#0')
  decisions.record('now#0', 5)
  await decisions.flush()
  t.is((await open(store)).recall('now#0', isNumber), 5)
})

test('a journal of many committed rounds does not grow without bound, and the last round survives', async (t) => {
  const store = memoryStore()
  const decisions = await open(store)
  let most = 0
  for (let round = 0; round < 300; round++) {
    decisions.record(decisions.place('now'), round)
    await decisions.flush()
    if (round % 7 === 0) t.is((await open(store, round)).recall('now#0', isNumber), round)
    await decisions.next()
    let entries = 0
    for await (const _ of store.read(key)) entries += 1
    most = Math.max(most, entries)
  }
  t.true(most <= 64, `${most} entries`)
})

test('an entry that is no decision, or one of another kind, is named', async (t) => {
  const store = memoryStore()
  const decisions = await open(store)
  decisions.record(decisions.place('now'), 'noon')
  await decisions.flush()
  const again = await open(store)
  t.throws(() => again.recall(again.place('now'), isNumber), { code: 'ROLE_JOURNAL_FOREIGN' })
  await store.append(key, encode({ something: 'else' }))
  t.like(await t.throwsAsync(open(store)), { code: 'ROLE_JOURNAL_FOREIGN', values: { key, number: 2 } })
})

test('of two that have a journal open, the one that records second is refused; one that claims it, others are', async (t) => {
  const store = memoryStore()
  const [first, second] = [await open(store), await open(store)]
  first.record(first.place('now'), 1)
  await first.flush()
  second.record(second.place('now'), 2)
  await t.throwsAsync(second.flush(), { code: 'STORE_VERSION' })
  const claimed = await JournalledDecisions.open(store, key, 0, true)
  t.is(claimed.recall('now#0', isNumber), 1)
  first.record(first.place('now'), 3)
  await t.throwsAsync(first.flush(), { code: 'STORE_VERSION' })
  claimed.record('now#1', 4)
  await claimed.flush()
  t.is((await open(store)).recall('now#1', isNumber), 4)
})

test('a record that could not be written is reported by flush', async (t) => {
  const store = memoryStore()
  const decisions = await open(store)
  await store.close()
  decisions.record(decisions.place('now'), 1)
  await t.throwsAsync(decisions.flush(), { code: 'STORE_CLOSED' })
})
