import test from 'ava'
import { type ActorRef, actorSystem, isActorRef, manualClock, memoryStore, type Store } from '../../runtime/index.ts'
import { catalogueError } from '../model/errors.ts'
import type { FlameletStatus } from '../model/flamelet.ts'
import { collectionsOf } from '../records/collections.ts'
import { asking } from '../requests/requests.ts'
import { type FlameletsParts, flamelets } from './flamelets.ts'
import type { FlameletIdentity, FlameletsMessage } from './flamelets-messages.ts'
import type { DrainAnswer, FlameletMessage, FlameletRegistration, RegisterAnswer } from './protocol.ts'
import { flameletsServing, servedComputes } from './served-computes.ts'
import type { SiteNews } from './sites.ts'

const platform = { runtime: 'node 22.13.0', system: 'linux', arch: 'x64', cores: 2 }
const alice = { user: 'alice', isAdmin: false } as const

/** The actor of flamelets on a store, and what deployments hear of it. */
function staged(store: Store, more: Partial<FlameletsParts> = {}) {
  const system = actorSystem({ clock: manualClock() })
  let seconds = 0
  const now = () => `2026-01-02T03:04:${String(seconds).padStart(2, '0')}.000Z`
  const parts = { store, now, newKey: () => 'x'.repeat(32), computeAdmins: [], ...more }
  const ref = system.spawn('flamelets', flamelets(parts))
  const ask = asking<FlameletsMessage>(system, ref, { timeoutMs: 60_000 })
  const news: SiteNews[] = []
  const follower = system.spawn<SiteNews>('deployment', () => (heard) => void news.push(heard))

  async function entry(identity: FlameletIdentity): Promise<ActorRef<FlameletMessage>> {
    const given = await ask<ActorRef<never>>((replyTo) => ({ type: 'admit-flamelet', identity, replyTo }))
    if (!isActorRef<FlameletMessage>(given)) throw new TypeError('no entry')
    return given
  }

  return {
    system,
    ref,
    ask,
    entry,
    news,
    follow: () => ref.tell({ type: 'follow-flamelets', follower }),
    pass: () => void (seconds += 1),
    /** Lets a flamelet register, with a site of its own that can be stopped. */
    async join(identity: FlameletIdentity, given: Partial<FlameletRegistration> = {}) {
      const to = await entry(identity)
      const site = system.spawn<unknown>(`site-${++sites}`, () => () => {})
      const registration = { name: identity.name, datasets: [], mostTasks: 2, platform, hosted: [], ...given }
      const answer = await system.ask<RegisterAnswer, FlameletMessage>(
        to,
        (replyTo) => ({ type: 'register', registration, site, replyTo }),
        { timeoutMs: 60_000 },
      )
      return { to, site, answer }
    },
    async list(user?: string) {
      const page = await ask<{ items: readonly FlameletStatus[] }>((replyTo) => ({
        type: 'list-flamelets',
        user,
        page: {},
        replyTo,
      }))
      return page.items.map(({ name, state, since }) => [name, state, since.slice(17, 19)].join(' '))
    },
    async told() {
      await system.idle()
      return news
        .splice(0)
        .map(
          (one) => `${one.type} ${one.type === 'site-here' ? one.site.name : 'name' in one ? one.name : one.computeId}`,
        )
    },
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}

let sites = 0

test('a flamelet is here once it has registered, away without its connection, and gone with its node', async (t) => {
  await using stage = staged(memoryStore())
  stage.follow()
  const { site, answer } = await stage.join({ name: 'site-a', ...alice }, { realm: 'eu/clinic' })
  t.deepEqual(answer, { type: 'registered', server: 'control-plane', compute: 'clinic' })
  t.deepEqual(await stage.list(), ['site-a here 00'])
  stage.pass()
  stage.ref.tell({ type: 'flamelet-connected', name: 'site-a', isConnected: false })
  t.deepEqual(await stage.list(), ['site-a away 01'])
  stage.pass()
  stage.ref.tell({ type: 'flamelet-connected', name: 'site-a', isConnected: true })
  t.deepEqual(await stage.list(), ['site-a here 02'])
  stage.pass()
  stage.system.stop(site)
  await stage.system.idle()
  t.deepEqual(await stage.list(), ['site-a gone 03'])
  t.deepEqual(await stage.told(), ['site-here site-a', 'site-away site-a', 'site-back site-a', 'site-gone site-a'])
})

test('a name belongs to its first user, also after a restart of the server, until it is forgotten', async (t) => {
  const store = memoryStore()
  const bob = { name: 'site-a', user: 'bob', isAdmin: false }
  {
    await using stage = staged(store)
    const { site } = await stage.join({ name: 'site-a', ...alice })
    await t.throwsAsync(stage.entry(bob), { code: 'FLAMELET_TAKEN' })
    t.deepEqual(await stage.list('bob'), [])
    stage.system.stop(site)
  }
  await using stage = staged(store)
  await t.throwsAsync(stage.entry(bob), { code: 'FLAMELET_TAKEN' })
  const forget = (user: string) =>
    stage.ask<null>((replyTo) => ({ type: 'remove-flamelet', user, name: 'site-a', replyTo }))
  await t.throwsAsync(forget('bob'), { code: 'FLAMELET_UNKNOWN' })
  await forget('alice')
  t.is((await stage.join(bob)).answer.type, 'registered')
  await t.throwsAsync(forget('bob'), { code: 'FLAMELET_PRESENT' })
})

test('a flamelet that has joined another server on the store is listed, and read, as away since then', async (t) => {
  const store = memoryStore()
  await using one = staged(store, { serverName: 'machine-1/10' })
  await using other = staged(store, { serverName: 'machine-2/20' })
  await one.join({ name: 'clinic', user: 'u', isAdmin: false })
  t.deepEqual(await other.list('u'), ['clinic away 00'])
  const read = await other.ask<FlameletStatus>((replyTo) => ({
    type: 'read-flamelet',
    user: 'u',
    name: 'clinic',
    replyTo,
  }))
  t.like(read, { name: 'clinic', state: 'away', server: 'machine-1/10' })
  t.deepEqual(await flameletsServing(store, ['clinic', 'ward']), ['clinic'])
})

test('a token for one flamelet, or for a job that is not there, admits no other', async (t) => {
  const store = memoryStore()
  await using stage = staged(store, { mostFlamelets: 1 })
  await t.throwsAsync(stage.entry({ name: 'b', ...alice, flamelet: 'a' }), { code: 'FLAMELET_OTHER' })
  await t.throwsAsync(stage.entry({ name: 'a', ...alice, job: 'none' }), { code: 'FLAMELET_JOB' })
  await t.throwsAsync(stage.entry({ name: '../a', ...alice }), { code: 'NAME_INVALID' })
  const { answer } = await stage.join({ name: 'a', ...alice, flamelet: 'a' })
  t.is(answer.type, 'registered')
  await t.throwsAsync(stage.entry({ name: 'b', ...alice }), { code: 'FLAMELETS_MANY' })
})

test('a compute is served by flamelets of one user, and is no compute that has a key', async (t) => {
  const store = memoryStore()
  await using stage = staged(store)
  const codeOf = ({ answer }: { answer: RegisterAnswer }) =>
    answer.type === 'refused' && 'code' in answer.cause ? answer.cause.code : answer.type
  t.is(codeOf(await stage.join({ name: 'a', ...alice }, { realm: 'clinic' })), 'registered')
  t.is(codeOf(await stage.join({ name: 'b', ...alice }, { realm: 'clinic' })), 'registered')
  const bob = { name: 'c', user: 'bob', isAdmin: false }
  t.is(codeOf(await stage.join(bob, { realm: 'clinic' })), 'COMPUTE_JOINED')
  t.is(codeOf(await stage.join(bob, { realm: 'default' })), 'COMPUTE_RESERVED')
  t.is(codeOf(await stage.join({ ...bob, isAdmin: true }, { realm: 'default' })), 'registered')
  const at = '2026-01-02T03:04:05.000Z'
  const keyed = { adminId: 'bob', region: '', state: 'up', keyHash: '', salt: '', registeredAt: at, updatedAt: at }
  await collectionsOf(store).computes.insert({ id: 'keyed', value: { ...keyed, state: 'up' } })
  t.is(codeOf(await stage.join(bob, { realm: 'keyed' })), 'COMPUTE_JOINED')
  t.deepEqual(await stage.list('alice'), ['a here 00', 'b here 00'])
})

test('a later life of a flamelet takes the place of the former, whose end then says nothing', async (t) => {
  await using stage = staged(memoryStore())
  stage.follow()
  const first = await stage.join({ name: 'a', ...alice })
  const second = await stage.join({ name: 'a', ...alice })
  t.is(first.to, second.to, 'both lives speak by the same entry, one after the other')
  stage.system.stop(first.site)
  await stage.system.idle()
  t.deepEqual(await stage.list(), ['a here 00'])
  t.deepEqual(await stage.told(), ['site-here a', 'site-here a'])
})

test('a flamelet that drains gets no tasks, and is told once its tasks are gone', async (t) => {
  await using stage = staged(memoryStore())
  stage.follow()
  const hosted = [{ job: 'j', run: 'j~1', ends: ['trainer-0'] }]
  const { to } = await stage.join({ name: 'a', ...alice }, { hosted })
  let drained = false
  const asked = stage.system
    .ask<DrainAnswer, FlameletMessage>(to, (replyTo) => ({ type: 'drain', replyTo }), { timeoutMs: 60_000 })
    .then(() => {
      drained = true
    })
  t.deepEqual(await stage.told(), ['site-here a', 'site-leaving a'])
  stage.ref.tell({ type: 'flamelet-connected', name: 'a', isConnected: false })
  stage.ref.tell({ type: 'flamelet-connected', name: 'a', isConnected: true })
  t.deepEqual(await stage.list(), ['a draining 00'])
  t.false(drained)
  to.tell({ type: 'progress', hosted: [] })
  await asked
  t.true(drained)
})

test('after a restart of the server flamelets are away until they register, and those that were gone stay gone', async (t) => {
  const store = memoryStore()
  {
    await using stage = staged(store)
    await stage.join({ name: 'a', ...alice })
    const { site } = await stage.join({ name: 'b', ...alice })
    stage.system.stop(site)
    await stage.system.idle()
  }
  await using stage = staged(store)
  t.deepEqual(await stage.list(), ['a away 00', 'b gone 00'])
  stage.pass()
  await stage.join({ name: 'a', ...alice })
  t.deepEqual(await stage.list(), ['a here 01', 'b gone 00'])
  stage.follow()
  t.deepEqual(await stage.told(), ['site-here a'])
})

test('local flamelets are told of once all have joined, and their ends with the cause', async (t) => {
  const store = memoryStore()
  const locals = { prefix: 'local-', names: ['local-0', 'local-1'] }
  const identity = (name: string): FlameletIdentity => {
    return { name, user: 'local', isAdmin: true, isLocal: true }
  }
  {
    await using stage = staged(store, { locals, computeAdmins: ['admin'] })
    stage.follow()
    const { answer } = await stage.join(identity('local-0'), { compute: 'default' })
    t.deepEqual(answer, { type: 'registered', server: 'control-plane', compute: 'default' })
    t.deepEqual(await stage.told(), [], 'the first would get all tasks')
    await stage.join(identity('local-1'), { compute: 'default' })
    t.deepEqual(await stage.told(), ['site-here local-0', 'site-here local-1'])
    const ended = (name: string) =>
      stage.ref.tell({
        type: 'local-flamelet-ended',
        name,
        cause: catalogueError('FLAMELET_UNKNOWN', { name }),
        isGivenUp: true,
      })
    ended('local-0')
    t.deepEqual(await stage.told(), ['site-fault local-0', 'site-leaving local-0'])
    ended('local-1')
    t.deepEqual(await stage.told(), ['site-fault local-1', 'site-leaving local-1', 'sites-exhausted default'])
  }
  t.deepEqual([...(await servedComputes(store))], [], 'another server has none of them')
  t.deepEqual([...(await servedComputes(store, locals))], [['default', 2]])
  await using later = staged(store, { locals: { prefix: 'local-', names: ['local-1'] } })
  t.deepEqual(await later.list(), ['local-1 away 00'])
})
