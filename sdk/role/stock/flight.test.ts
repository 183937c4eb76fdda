import test from 'ava'
import { type ManualClock, manualClock } from '../../../runtime/index.ts'
import type { Arrival } from '../channel/channel.ts'
import type { ChannelPort, Expiry } from '../channel/channel-port.ts'
import { typedChannel } from '../channel/typed-channel.ts'
import type { Decisions } from '../decisions.ts'
import { workUnderWay } from './flight.ts'
import { below } from './round-protocol.ts'

/** Nothing is recorded. */
const noDecisions: Decisions = {
  place: (name) => name,
  recall: () => undefined,
  make: async (_, make) => make(),
  record: () => {},
  life: async () => 1,
  flush: async () => {},
}

/** A port on which ends come and go as the test says, and which counts the questions who is there. */
function portOf(present: Set<string>) {
  const watchers = new Set<(end: string) => void>()
  let asked = 0
  const port: ChannelPort = {
    wiring: {
      ...{ name: 'channel', group: 'default', otherRole: 'trainer', expected: new Set<string>(), funcTags: [] },
      ...{ othersHoldData: true, othersReduce: false },
    },
    ends: () => [...present].toSorted(),
    has(end) {
      asked += 1
      return present.has(end)
    },
    isGone: (end) => !present.has(end),
    watchLeft(left) {
      watchers.add(left)
      return () => void watchers.delete(left)
    },
    allJoined: async () => [],
    send() {},
    next: async (): Promise<Arrival<unknown> | undefined> => undefined,
    peek: () => undefined,
    peekNext: () => undefined,
    drain: () => [],
    find: () => undefined,
    hasPassed: (expiry: Expiry) => expiry.expired,
    property: () => undefined,
    setProperty() {},
    leave() {},
    change: async () => {},
  }
  const leave = (end: string) => {
    present.delete(end)
    for (const tell of watchers) tell(end)
  }
  return { port, leave, watchers, asked: () => asked }
}

function underWayOn(port: ChannelPort, clock: ManualClock = manualClock()) {
  return workUnderWay(typedChannel(port, below, { end: 'top', clock, decisions: noDecisions, foreign: () => {} }))
}

const work = (dispatch: number) => ({ end: `trainer-${dispatch}`, dispatch, version: 0 })

test('an end at work that leaves is away until it is back, and nobody is asked again and again', (t) => {
  const ends = Array.from({ length: 1000 }, (_, index) => `trainer-${index}`)
  const { port, leave, asked } = portOf(new Set(ends))
  const underWay = underWayOn(port)
  for (const dispatch of ends.keys()) underWay.begin(work(dispatch))
  const before = asked()
  for (let time = 0; time < 100; time++) t.deepEqual(underWay.away(), [])
  leave('trainer-7')
  t.deepEqual(underWay.away(), ['trainer-7'])
  underWay.forget('trainer-7')
  t.deepEqual(underWay.away(), [])
  t.true(asked() - before <= 2)
})

test('an end that had left before it was asked, or that comes back, is away as long as it is not there', (t) => {
  const present = new Set(['trainer-1'])
  const { port, leave } = portOf(present)
  const underWay = underWayOn(port)
  underWay.begin(work(1))
  underWay.begin(work(2))
  t.deepEqual(underWay.away(), ['trainer-2'])
  leave('trainer-1')
  t.deepEqual(underWay.away().toSorted(), ['trainer-1', 'trainer-2'])
  present.add('trainer-1')
  t.deepEqual(underWay.away(), ['trainer-2'])
  leave('trainer-1')
  // Asked anew, as after a new dispatch.
  underWay.begin({ ...work(1), dispatch: 3 })
  t.deepEqual(underWay.away().toSorted(), ['trainer-1', 'trainer-2'])
})

test('deadlines pass in the order of the dispatches, and a forgotten work has none', (t) => {
  const clock = manualClock()
  const { port, leave } = portOf(new Set(['trainer-1', 'trainer-2', 'trainer-3', 'trainer-4']))
  const underWay = underWayOn(port, clock)
  for (const [dispatch, limitMs] of [
    [1, 10],
    [2, 20],
    [3, 30],
    [4, 40],
  ] as const)
    underWay.begin(work(dispatch), limitMs)
  t.deepEqual(underWay.overdue(), [])
  t.is(underWay.firstDue()?.end, 'trainer-1')
  t.deepEqual(underWay.overdue('trainer-1'), ['trainer-1'])
  clock.advance(30)
  t.deepEqual(underWay.overdue(), ['trainer-1', 'trainer-2', 'trainer-3'])
  underWay.forget('trainer-1')
  leave('trainer-2')
  t.deepEqual(underWay.overdue(), ['trainer-3'])
  t.is(underWay.firstDue()?.end, 'trainer-2')
  t.deepEqual(
    underWay.all().map(({ dispatch }) => dispatch),
    [2, 3, 4],
  )
  t.deepEqual([...underWay.ends.keys()], ['trainer-2', 'trainer-3', 'trainer-4'])
})

test('an answer is to the dispatch of its end that it names, and the channel is watched no longer than the work is kept', (t) => {
  const { port, watchers } = portOf(new Set(['trainer-1']))
  const underWay = underWayOn(port)
  underWay.begin(work(1))
  const failed = { type: 'failed', asked: 'train', code: 'MISHAP', reason: 'ill', hint: 'mend it' } as const
  t.true(underWay.isAnsweredBy({ ...failed, round: 1 }, 'trainer-1'))
  t.false(underWay.isAnsweredBy({ ...failed, round: 1 }, 'trainer-2'), 'of an end without work')
  t.false(underWay.isAnsweredBy({ ...failed, round: 2 }, 'trainer-1'))
  underWay.begin({ ...work(1), dispatch: 2 })
  t.false(underWay.isAnsweredBy({ ...failed, round: 1 }, 'trainer-1'))
  t.true(underWay.isAwaited())
  t.is(watchers.size, 1)
  underWay.close()
  t.is(watchers.size, 0)
})
