import test from 'ava'
import { actorSystem, manualClock } from '../../../runtime/index.ts'
import { numbers, pairTopology, type Script } from '../../../test/support/scripted-role.ts'
import { roleStage } from '../../testing/index.ts'
import { channelTagged } from '../role.ts'
import type { Channel } from './channel.ts'
import { LiveChannel } from './live-channel.ts'
import { typedChannel } from './typed-channel.ts'
import type { RoleMessage } from './wiring.ts'

type Numbers = Channel<unknown, number>

/** Runs both scripts to their end. Returns the values that each script noted. */
async function play(
  left: Script<number>,
  right: Script<number>,
  { rights = 1, lefts = 1 }: { readonly rights?: number; readonly lefts?: number } = {},
): Promise<void> {
  await using stage = roleStage({
    topology: pairTopology({ left: lefts, right: rights }),
    roles: { left: numbers('left', left), right: numbers('right', right) },
  })
  const ends = [
    ...Array.from({ length: lefts }, (_, index) => `left-${index}`),
    ...Array.from({ length: rights }, (_, index) => `right-${index}`),
  ]
  for (const report of await Promise.all(ends.map(stage.ended)))
    if (report.type === 'task-failed') throw new Error(`${report.end} failed`, { cause: report.cause })
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

test('after awaitJoin all ends of the other role are there, sorted, and a channel says how it lies', async (t) => {
  await play(
    async (channel) => {
      await channel.awaitJoin()
      t.deepEqual(channel.ends(), ['right-0', 'right-1', 'right-2'])
      t.true(channel.has('right-1'))
      t.false(channel.has('right-3') || channel.has('left-0'))
      const { name, group, otherRole, othersHoldData } = channel
      t.deepEqual(
        { name, group, otherRole, othersHoldData },
        { name: 'link', group: 'default', otherRole: 'right', othersHoldData: true },
      )
    },
    (channel) => t.false(channel.othersHoldData),
    { rights: 3 },
  )
})

test('awaitJoin that runs out of time names who is missing, on which channel', async (t) => {
  const clock = manualClock()
  let waits = () => {}
  const waiting = new Promise<void>((resolve) => (waits = resolve))
  await using stage = roleStage({
    topology: pairTopology({ right: 3 }),
    roles: {
      left: numbers('left', async (channel) => {
        const joined = channel.awaitJoin({ timeoutMs: 500 })
        waits()
        await joined
      }),
      right: numbers('right', () => {}),
    },
    absent: ['right-1'],
    system: { clock },
  })
  await waiting
  await stage.ended('right-0')
  clock.advance(499)
  await stage.system.idle()
  t.false(stage.reports.some(({ end, type }) => end === 'left-0' && type === 'task-failed'))
  clock.advance(1)
  const ended = await stage.ended('left-0')
  t.like(ended, {
    type: 'task-failed',
    cause: {
      code: 'ROLE_JOIN_TIMEOUT',
      values: { missing: 1, expected: 3, channel: 'link', end: 'left-0', timeoutMs: 500, first: 'right-1' },
    },
  })
})

test('awaitJoin does not wait for an end that left before, even one that joins later', async (t) => {
  const log: string[] = []
  let attempts = 0
  await play(
    async (channel) => {
      attempts += 1
      await channel.awaitJoin()
      while (channel.has('right-0')) await channel.recv('right-0')
      if (attempts === 1) throw new Error('a passing fault')
      log.push(`then ${channel.ends().join()}`)
    },
    (channel, { end }) => {
      if (end === 'right-0') channel.leave()
    },
    { rights: 2 },
  )
  t.deepEqual(log, ['then right-1'])
})

test('ends that leave are told to who watches, until the watch ends', async (t) => {
  const [told, early]: [string[], string[]] = [[], []]
  await play(
    async (channel) => {
      await channel.awaitJoin()
      channel.watchLeft((end) => early.push(end))()
      const unwatch = channel.watchLeft((end) => told.push(end))
      channel.broadcast(1)
      while (channel.has('right-0')) await channel.changed()
      unwatch()
      channel.send('right-1', 2)
      while (channel.has('right-1')) await channel.changed()
    },
    async (channel, { end }) => {
      await channel.recv('left-0')
      if (end === 'right-1') await channel.recv('left-0')
      channel.leave()
    },
    { rights: 2 },
  )
  t.deepEqual([told, early], [['right-0'], []])
})

test('messages of an end are received in the order sent, whoever else sends', async (t) => {
  await play(
    async (channel) => {
      const received = new Map<string, number[]>([
        ['right-0', []],
        ['right-1', []],
      ])
      for (let n = 0; n < 40; n++) {
        const { end, message } = await channel.recvAny()
        received.get(end)?.push(message)
      }
      for (const list of received.values())
        t.deepEqual(
          list,
          Array.from({ length: 20 }, (_, n) => n),
        )
    },
    async (channel) => {
      await channel.awaitJoin()
      for (let n = 0; n < 20; n++) channel.send('left-0', n)
    },
    { rights: 2 },
  )
})

test('recv takes from the end asked only, and is undefined once that end has left and nothing of it waits', async (t) => {
  await play(
    async (channel) => {
      await channel.awaitJoin()
      t.is(await channel.recv('right-1'), 1)
      t.is(await channel.recv('right-0'), 0)
      channel.broadcast(9)
      t.is(await channel.recv('right-0'), 10)
      t.is(await channel.recv('right-0'), undefined)
      t.is(await channel.recv('nobody-7'), undefined)
    },
    async (channel, { end }) => {
      const number = Number(end.at(-1))
      await channel.awaitJoin()
      channel.send('left-0', number)
      await channel.recv('left-0')
      channel.send('left-0', number + 10)
      channel.leave()
    },
    { rights: 2 },
  )
})

test('an end that dies wakes whoever waits for it', async (t) => {
  const stopped = (script: (channel: Numbers) => Promise<unknown>) =>
    new Promise<unknown>((resolve) => {
      const stage = roleStage({
        topology: pairTopology({ right: 2 }),
        roles: {
          left: numbers('left', async (channel) => {
            await channel.awaitJoin()
            channel.send('right-0', 0)
            resolve(await script(channel))
          }),
          right: numbers('right', async (channel) => {
            await channel.recv('left-0')
            stage.stop('right-0')
            stage.stop('right-1')
          }),
        },
      })
    })
  t.is(await stopped((channel) => channel.recv('right-0')), undefined)
  t.deepEqual(await stopped((channel) => collect(channel.recvEach(['right-0', 'right-1']))), [])
  t.deepEqual(await stopped((channel) => collect(channel.gather(['right-0', 'right-1']))), [])
  t.is(await stopped((channel) => channel.awaitProperty(['right-0', 'right-1'], 'utility')), undefined)
})

test('recvEach gives the first message of each end, as they come, and leaves the others where they are', async (t) => {
  await play(
    async (channel) => {
      await channel.awaitJoin()
      channel.send('right-1', 0)
      const order: string[] = []
      for await (const { end, message } of channel.recvEach(['right-0', 'right-1', 'right-2'])) {
        order.push(`${end}:${message}`)
        if (end === 'right-1') channel.send('right-2', 0)
        if (end === 'right-2') channel.send('right-0', 0)
      }
      t.deepEqual(order, ['right-1:1', 'right-2:1', 'right-0:1'])
      t.is(await channel.recv('right-1'), 2)
    },
    async (channel) => {
      await channel.recv('left-0')
      channel.send('left-0', 1)
      channel.send('left-0', 2)
    },
    { rights: 3 },
  )
})

test('peek leaves the next message, drain takes all that wait', async (t) => {
  await play(
    async (channel) => {
      await channel.awaitJoin()
      t.is(channel.peek('right-0'), undefined)
      t.is(await channel.recv('right-0'), 1)
      t.is(await channel.recv('right-1'), 1)
      t.is(channel.peek('right-0'), 2)
      t.is(channel.peek('right-0'), 2)
      const drained = channel.drain().map(({ end, message }) => `${end}:${message}`)
      t.deepEqual(drained.toSorted(), ['right-0:2', 'right-0:3', 'right-1:2', 'right-1:3'])
      t.is(channel.peek('right-0'), undefined)
      t.deepEqual(channel.drain(), [])
    },
    async (channel) => {
      await channel.awaitJoin()
      for (const n of [1, 2, 3]) channel.send('left-0', n)
    },
    { rights: 2 },
  )
})

test('a broadcast goes to all present, or to those named', async (t) => {
  await play(
    async (channel) => {
      await channel.awaitJoin()
      channel.broadcast(1)
      channel.broadcast(2, ['right-1'])
      channel.broadcast(3, [])
      channel.broadcast(4)
    },
    async (channel, { end }) => {
      const received: unknown[] = []
      while (received.at(-1) !== 4) received.push(await channel.recv('left-0'))
      t.deepEqual(received, end === 'right-1' ? [1, 2, 4] : [1, 4])
    },
    { rights: 3 },
  )
})

test('what an end says of itself can be read by the others, and begins anew when it restarts', async (t) => {
  let attempts = 0
  await play(
    async (channel) => {
      await channel.awaitJoin()
      await channel.awaitProperty(['right-0'], 'utility')
      t.is(channel.property('right-0', 'utility'), 1)
      t.is(channel.property('right-0', 'speed'), undefined)
      channel.send('right-0', 0)
      while (channel.property('right-0', 'speed') === undefined) await channel.awaitProperty(['right-0'], 'speed')
      t.is(channel.property('right-0', 'utility'), undefined)
    },
    async (channel) => {
      attempts += 1
      if (attempts > 1) return channel.setProperty('speed', 'fast')
      channel.setProperty('utility', 1)
      await channel.recv('left-0')
      throw new Error('a passing fault')
    },
  )
})

test('a message that is not of the channel is dropped and noticed, and the next one received', async (t) => {
  await using stage = roleStage({
    topology: pairTopology(),
    roles: {
      left: numbers('left', async (channel) => {
        t.is(await channel.recv('right-0'), 1)
        t.is(await channel.recv('right-0'), 2)
        channel.send('right-0', 0)
        t.deepEqual((await channel.recvAny()).message, 3)
        t.deepEqual(channel.drain(), [{ end: 'right-0', message: 4 }])
      }),
      right: numbers('right', async (channel) => {
        await channel.awaitJoin()
        for (const message of ['foreign', 1, { type: 'foreign' }, undefined, 2]) channel.send('left-0', message)
        await channel.recv('left-0')
        for (const message of [3, 'foreign', 4]) channel.send('left-0', message)
      }),
    },
  })
  t.like(await stage.ended('left-0'), { type: 'task-completed' })
  const notices = stage.reports.filter(({ type }) => type === 'notice')
  t.is(notices.length, 4)
  t.like(notices[0], { end: 'left-0', notice: { code: 'ROLE_FOREIGN_MESSAGE' } })
})

test('a role that finds no channel, or more than one, for its func tags fails and says which there are', async (t) => {
  const { schema, dataSpec } = pairTopology()
  const channels = schema.channels.flatMap((channel) => [channel, { ...channel, name: 'second' }])
  await using stage = roleStage({
    topology: { schema: { ...schema, channels }, dataSpec },
    roles: { left: numbers('left', () => {}), right: numbers('right', () => {}) },
  })
  t.like(await stage.ended('left-0'), {
    type: 'task-failed',
    cause: { code: 'ROLE_CHANNEL_MISSING', values: { count: 2, channels: 'link, second' } },
  })
})

/** Counts how often a property is looked at. */
class WatchedChannel extends LiveChannel {
  looks = 0

  override property(end: string, name: string): unknown {
    this.looks += 1
    return super.property(end, name)
  }
}

/** Waits for a property of many ends, which publish it one after another. Returns how often it was looked at. */
async function looksAtProperties(ends: number): Promise<number> {
  const system = actorSystem({ clock: manualClock() })
  const ref = system.spawn<RoleMessage>('end', () => () => {})
  const names = Array.from({ length: ends }, (_, index) => `right-${index}`)
  const wiring = { name: 'link', group: 'default', otherRole: 'right', funcTags: ['a'] }
  const port = new WatchedChannel(
    { ...wiring, othersHoldData: false, othersReduce: false, expected: new Set(names) },
    { end: 'left-0', announceLeave() {}, announceProperty() {} },
  )
  const members = names.map((end) => ({ end, incarnation: 1, ref, properties: {} }))
  port.welcome(1, { channel: 'link', members, gone: [] })
  const decisions = {
    place: (name: string) => name,
    recall: () => undefined,
    make: <Value>(_: string, make: () => Value | Promise<Value>) => Promise.resolve(make()),
    record() {},
    life: async () => 0,
    flush: async () => {},
  }
  const accepts = (message: unknown): message is never => message === undefined
  const surroundings = { end: 'left-0', clock: manualClock(), decisions, foreign() {} }
  const channel = typedChannel(port, channelTagged<never, never>(accepts, 'a'), surroundings)
  const published = channel.awaitProperty(names, 'levels')
  for (const end of names) {
    port.propertyChanged(end, 'levels', 1)
    await Promise.resolve()
  }
  await published
  await system.terminate()
  return port.looks
}

test('to wait for a property of many ends takes looks in proportion to the ends', async (t) => {
  const [few, many] = [await looksAtProperties(100), await looksAtProperties(400)]
  t.true(many <= 4 * few, `${few} looks at 100 ends, ${many} at 400`)
})
