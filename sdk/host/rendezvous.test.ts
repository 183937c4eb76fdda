import test from 'ava'
import {
  type ActorRef,
  actorSystem,
  isActorRef,
  manualClock,
  memoryRoute,
  type NodeLink,
  nodeLink,
  seededScheduler,
} from '../../runtime/index.ts'
import { decodeRoleMessage, type RoleMessage } from '../role/channel/wiring.ts'
import { forSeeds } from '../testing/index.ts'
import type { Place } from './places.ts'
import { type Adoptions, decodeRendezvousMessage, rendezvous } from './rendezvous.ts'
import { decodeTaskReport } from './role-task.ts'

type News = RoleMessage

/** Ends of role `top` and of role `leaf` on channel `link`, in a group. Each end notes its messages. */
function meeting(options: Parameters<typeof actorSystem>[0] = {}) {
  const system = actorSystem(options)
  const desk = system.spawn('rendezvous', rendezvous())
  const heard = new Map<string, string[]>()
  const refs = new Map<string, ActorRef<News>>()
  const olds = new Map<string, ActorRef<News> | undefined>()

  function words(news: News): string {
    switch (news.type) {
      case 'welcome': {
        const [view] = news.channels
        const members = view?.members.map(({ end, incarnation }) => `${end}#${incarnation}`).toSorted()
        return `welcome #${news.incarnation} members ${members?.join(' ')} gone ${view?.gone.join(' ')}`
      }
      case 'joined':
        return `joined ${news.member.end}#${news.member.incarnation} ${JSON.stringify(news.member.properties)}`
      case 'left':
        return `left ${news.end}`
      case 'property':
        return `property ${news.end} ${news.name}=${news.value}`
      case 'deliver':
      case 'acknowledged':
        return news.type
    }
  }

  return {
    system,
    heard: (end: string) => heard.get(end) ?? [],
    async join(end: string, { group = 'default', fresh = false }: { group?: string; fresh?: boolean } = {}) {
      const list = heard.get(end) ?? []
      heard.set(end, list)
      const name = fresh ? `${end} again` : end
      olds.set(end, refs.get(end))
      const ref = (!fresh && refs.get(end)) || system.spawn<News>(name, () => (news) => void list.push(words(news)))
      refs.set(end, ref)
      const role = end.slice(0, end.indexOf('-'))
      const otherRole = role === 'top' ? 'leaf' : role === 'leaf' ? 'top' : role
      desk.tell({ type: 'join', end, role, places: [{ channel: 'link', group, otherRole }], ref })
      await system.idle()
    },
    async stop(end: string) {
      const ref = refs.get(end)
      if (ref) system.stop(ref)
      await system.idle()
    },
    /** Stops the earlier actor of an end. */
    async stopOlder(end: string) {
      const ref = olds.get(end)
      if (ref) system.stop(ref)
      await system.idle()
    },
    async fail(end: string) {
      const places = [{ channel: 'link', group: 'default', otherRole: 'top' }]
      desk.tell({ type: 'absent', end, role: 'leaf', places })
      await system.idle()
    },
    async leave(end: string) {
      desk.tell({ type: 'leave', end, channel: 'link' })
      await system.idle()
    },
    async say(end: string, value: number) {
      desk.tell({ type: 'set-property', end, channel: 'link', name: 'utility', value })
      await system.idle()
    },
  }
}

test('who joins is welcomed with who is there, and they hear of it; ends of the same role do not see each other', async (t) => {
  const { join, heard, system } = meeting()
  await join('leaf-0')
  await join('leaf-1')
  await join('top-0')
  t.deepEqual(heard('leaf-0'), ['welcome #1 members  gone ', 'joined top-0#1 {}'])
  t.deepEqual(heard('top-0'), ['welcome #1 members leaf-0#1 leaf-1#1 gone '])
  await system.terminate()
})

test('ends of another group are not seen', async (t) => {
  const { join, heard, system } = meeting()
  await join('leaf-0', { group: 'north' })
  await join('top-0', { group: 'south' })
  t.deepEqual(heard('top-0'), ['welcome #1 members  gone '])
  t.is(heard('leaf-0').length, 1)
  await system.terminate()
})

test('peers of one role see all others, and not themselves', async (t) => {
  const { join, heard, system } = meeting()
  await join('peer-0')
  await join('peer-1')
  t.deepEqual(heard('peer-0'), ['welcome #1 members  gone ', 'joined peer-1#1 {}'])
  t.deepEqual(heard('peer-1'), ['welcome #1 members peer-0#1 gone '])
  await system.terminate()
})

test('an end that joins again is a new incarnation, and what it said of itself is forgotten', async (t) => {
  const { join, say, heard, system } = meeting()
  await join('top-0')
  await join('leaf-0')
  await say('leaf-0', 5)
  await join('leaf-0')
  t.deepEqual(heard('top-0').slice(1), ['joined leaf-0#1 {}', 'property leaf-0 utility=5', 'joined leaf-0#2 {}'])
  t.is(heard('leaf-0').at(-1), 'welcome #2 members top-0#1 gone ')
  await system.terminate()
})

test('an end that stops has left, once, and is gone for who joins later', async (t) => {
  const { join, leave, stop, heard, system } = meeting()
  await join('top-0')
  await join('leaf-0')
  await join('leaf-1')
  await leave('leaf-0')
  await leave('leaf-0')
  await stop('leaf-0')
  await stop('leaf-1')
  t.deepEqual(heard('top-0').slice(3), ['left leaf-0', 'left leaf-1'])
  await join('top-1')
  t.deepEqual(heard('top-1'), ['welcome #1 members  gone leaf-0 leaf-1'])
  await system.terminate()
})

test('an end whose task has failed is gone for all, whether it had joined or not, until it joins', async (t) => {
  const { join, fail, heard } = meeting()
  await join('top-0')
  await join('leaf-0')
  await fail('leaf-0')
  await fail('leaf-1')
  await join('top-1')
  await join('leaf-1')
  await join('top-2')
  t.deepEqual(heard('top-0'), [
    'welcome #1 members  gone ',
    'joined leaf-0#1 {}',
    'left leaf-0',
    'left leaf-1',
    'joined leaf-1#1 {}',
  ])
  t.deepEqual(heard('top-1'), ['welcome #1 members  gone leaf-0 leaf-1', 'joined leaf-1#1 {}'])
  t.deepEqual(heard('top-2'), ['welcome #1 members leaf-1#1 gone leaf-0'])
})

/** Ends of three levels: `top-0`, `middle-0` and `middle-1` with a group each, and `leaf-0` in the group of `middle-0`. */
async function levels(adoptions?: Adoptions) {
  const system = actorSystem()
  const desk = system.spawn('rendezvous', rendezvous(adoptions))
  const heard = new Map<string, string[]>()
  const refs = new Map<string, ActorRef<News>>()
  const up = { channel: 'up', group: 'all', otherRole: 'top', stands: 'below' } as const
  const places: Readonly<Record<string, readonly Place[]>> = {
    'top-0': [{ channel: 'up', group: 'all', otherRole: 'middle', stands: 'above' }],
    'middle-0': [up, { channel: 'down', group: 'a', otherRole: 'leaf', stands: 'above' }],
    'middle-1': [up, { channel: 'down', group: 'b', otherRole: 'leaf', stands: 'above' }],
    'leaf-0': [{ channel: 'down', group: 'a', otherRole: 'middle', stands: 'below' }],
  }
  const words = (news: News) =>
    news.type === 'joined' ? [`joined ${news.member.end}`] : news.type === 'left' ? [`left ${news.end}`] : []
  const join = async (end: string, life = 1) => {
    const list = heard.get(end) ?? []
    heard.set(end, list)
    const ref = system.spawn<News>(`${end}-${life}`, () => (news) => void list.push(...words(news)))
    refs.set(end, ref)
    desk.tell({ type: 'join', end, role: end.slice(0, -2), places: places[end] ?? [], ref })
    await system.idle()
  }
  return { system, desk, heard, refs, places, join }
}

test('ends below an aggregator that has failed for good are adopted, durably, before they hear that it has left', async (t) => {
  const recorded: unknown[] = []
  const adoptions = { load: async () => [], record: async (adoption: unknown) => void recorded.push(adoption) }
  const { system, desk, heard, refs, places, join } = await levels(adoptions)
  for (const end of ['top-0', 'middle-0', 'middle-1', 'leaf-0']) await join(end)
  const former = refs.get('middle-0')
  await join('middle-0', 2)
  if (former) desk.tell({ type: 'failed', end: 'middle-0', ref: former })
  await system.idle()
  t.deepEqual(recorded, [], 'an earlier actor says nothing of the present one')
  const present = refs.get('middle-0')
  if (present) desk.tell({ type: 'failed', end: 'middle-0', ref: present })
  if (present) system.stop(present)
  await system.idle()
  t.deepEqual(recorded, [{ end: 'middle-0', heirs: ['middle-1'], places: places['middle-0']?.slice(1) }])
  t.deepEqual(heard.get('leaf-0')?.slice(-2), ['joined middle-1', 'left middle-0'])
  t.is(heard.get('middle-1')?.at(-1), 'joined leaf-0')
  t.is(heard.get('top-0')?.at(-1), 'left middle-0')
  await system.terminate()
})

test('a later rendezvous repeats the adoptions, in whatever order the ends join', async (t) => {
  const adoption = {
    end: 'middle-0',
    heirs: ['middle-1'],
    places: [{ channel: 'down', group: 'a', otherRole: 'leaf' }],
  }
  for (const ends of [
    ['middle-1', 'leaf-0'],
    ['leaf-0', 'middle-1'],
  ]) {
    const { system, desk, heard, join } = await levels({ load: async () => [adoption], record: async () => {} })
    for (const end of ends) await join(end)
    const [first = '', second = ''] = ends
    t.deepEqual(heard.get(first), [`joined ${second}`])
    desk.tell({ type: 'leave', end: second, channel: 'down' })
    await system.idle()
    t.deepEqual(heard.get(first), [`joined ${second}`, `left ${second}`])
    await system.terminate()
  }
})

test('an end that has left hears no more, until it joins again', async (t) => {
  const { join, leave, say, heard, system } = meeting()
  await join('top-0')
  await join('leaf-0')
  await leave('leaf-0')
  await say('top-0', 1)
  t.is(heard('leaf-0').length, 1)
  await join('leaf-0')
  t.is(heard('leaf-0').at(-1), 'welcome #2 members top-0#1 gone ')
  t.is(heard('top-0').at(-1), 'joined leaf-0#2 {}')
  await system.terminate()
})

test('a newer actor of an end outlives the older one', async (t) => {
  const { join, stopOlder, system, heard } = meeting()
  await join('top-0')
  await join('leaf-0')
  await join('leaf-0', { fresh: true })
  await stopOlder('leaf-0')
  t.deepEqual(heard('top-0').slice(1), ['joined leaf-0#1 {}', 'joined leaf-0#2 {}'])
  await system.terminate()
})

test('200 seeds: whatever the order in which ends join and stop, all know of the same ones at last', async (t) => {
  await forSeeds(200, async (seed) => {
    const { join, stop, heard, system } = meeting({ scheduler: seededScheduler(seed) })
    await Promise.all([join('top-0'), join('leaf-0'), join('leaf-1'), join('leaf-2'), stop('leaf-1'), join('leaf-2')])
    const present = new Set<string>()
    for (const news of heard('top-0')) {
      for (const [, end = ''] of news.matchAll(/(leaf-\d)#/g)) present.add(end)
      const [, left] = /^left (.*)/.exec(news) ?? []
      if (left) present.delete(left)
    }
    if ([...present].toSorted().join() !== 'leaf-0,leaf-2') throw new Error(heard('top-0').join('; '))
    await system.terminate()
  })
  t.pass()
})

/**
 * A server with a rendezvous and an end of role `top`, and successive incarnations of a device with an end of role
 * `leaf`.
 */
async function spreadMeeting() {
  const clock = manualClock()
  const server = actorSystem({ name: 'server', clock })
  const desk = server.spawn('rendezvous', rendezvous(), { decode: decodeRendezvousMessage })
  const link = nodeLink(server, { entry: desk })
  const heard: string[] = []
  const noted = (news: News) =>
    void heard.push(news.type === 'joined' ? `joined #${news.member.incarnation}` : news.type)
  const top = server.spawn<News>('top-0', () => noted, { decode: decodeRoleMessage })
  const places = (otherRole: string) => [{ channel: 'link', group: 'default', otherRole }]
  desk.tell({ type: 'join', end: 'top-0', role: 'top', places: places('leaf'), ref: top })
  let incarnation = 0
  const links: NodeLink[] = []
  return {
    server,
    clock,
    heard,
    /** Starts an incarnation of the device. Returns the device's ref of the rendezvous. */
    async device() {
      incarnation += 1
      const system = actorSystem({ name: 'device', incarnation, clock })
      const own = system.spawn<News>('leaf-0', () => () => {}, { decode: decodeRoleMessage })
      const [left, right] = memoryRoute()
      const entry = await new Promise<ActorRef<unknown>>((resolve) => {
        const onPeer = ({ entry: given }: { entry?: ActorRef<never> }) => isActorRef<unknown>(given) && resolve(given)
        links.push(nodeLink(system, { onPeer }))
        links.at(-1)?.dial('server', left, { mayStop: false })
        link.accept(right, { mayStop: false })
      })
      entry.tell({ type: 'join', end: 'leaf-0', role: 'leaf', places: places('top'), ref: own })
      return { system, link: links.at(-1), entry, settled: () => settled(system, server) }
    },
  }
}

async function settled(...systems: readonly { idle(): Promise<void> }[]): Promise<void> {
  for (let round = 0; round < 6; round++) await Promise.all(systems.map((system) => system.idle()))
}

test('an end whose node has ended is awaited for a minute, and has left for good then', async (t) => {
  const { server, clock, heard, device } = await spreadMeeting()
  const first = await device()
  await first.settled()
  first.link?.close()
  await first.system.terminate()
  await settled(server)
  clock.advance(30_000)
  const second = await device()
  await second.settled()
  clock.advance(60_000)
  await second.settled()
  t.deepEqual(heard, ['welcome', 'joined #1', 'joined #2'])
  second.link?.close()
  await second.system.terminate()
  await settled(server)
  clock.advance(59_999)
  await settled(server)
  t.is(heard.length, 3)
  clock.advance(1)
  await settled(server)
  t.deepEqual(heard.slice(3), ['left'])
  await server.terminate()
})

test('an end that stops on a node that lives has left for good at once', async (t) => {
  const { server, heard, device } = await spreadMeeting()
  const { system, entry, settled: rest } = await device()
  const own = system.spawn<News>('leaf-1', () => () => {}, { decode: decodeRoleMessage })
  const places = [{ channel: 'link', group: 'default', otherRole: 'top' }]
  entry.tell({ type: 'join', end: 'leaf-1', role: 'leaf', places, ref: own })
  await rest()
  system.stop(own)
  await rest()
  t.deepEqual(heard, ['welcome', 'joined #1', 'joined #1', 'left'])
  await Promise.all([system.terminate(), server.terminate()])
})

test('another node can neither say that an end has terminated, nor send what is no message of a rendezvous', async (t) => {
  const { server, heard, device } = await spreadMeeting()
  const { system, entry, settled: rest } = await device()
  const reasons: string[] = []
  server.deadLetters.subscribe(({ reason }) => reasons.push(reason))
  const own = system.spawn<News>('other', () => () => {}, { decode: decodeRoleMessage })
  const join = { type: 'join', end: 'leaf-1', role: 'leaf', places: [], ref: own }
  const hostile: readonly unknown[] = [
    { type: 'terminated', end: 'top-0', ref: own, isAway: false },
    { ...join, ref: 'no ref' },
    { ...join, places: [{ channel: 'link' }] },
    { ...join, end: 1 },
    { type: 'leave', end: 'top-0' },
    { type: 'set-property', end: 'top-0', channel: 'link', value: 1 },
    null,
  ]
  for (const message of hostile) entry.tell(message)
  await rest()
  t.deepEqual(
    reasons,
    hostile.map(() => 'undecodable'),
  )
  t.deepEqual(heard, ['welcome', 'joined #1'])
  await Promise.all([system.terminate(), server.terminate()])
})

test('reports of tasks are decoded as they were sent, or refused', (t) => {
  const reports = [
    { type: 'task-running', end: 'a' },
    { type: 'task-completed', end: 'a' },
    { type: 'task-failed', end: 'a', cause: new Error('b') },
    { type: 'metrics', end: 'a', metrics: { loss: 0.5 } },
    { type: 'log', end: 'a', entry: { level: 'info', message: 'm', fields: { a: 1, b: 'c', d: true } } },
    { type: 'notice', end: 'a', notice: { code: 'C', message: 'm' } },
  ]
  for (const report of reports) t.deepEqual(decodeTaskReport({ ...report, foreign: 1 }), report)
  for (const refused of [
    null,
    { type: 'task-running' },
    { type: 'metrics', end: 'a', metrics: { loss: 'low' } },
    { type: 'log', end: 'a', entry: { level: 'info', message: 'm', fields: { a: {} } } },
    { type: 'notice', end: 'a', notice: { code: 1, message: 'm' } },
    { type: 'other', end: 'a' },
  ])
    t.is(decodeTaskReport(refused), undefined)
})
