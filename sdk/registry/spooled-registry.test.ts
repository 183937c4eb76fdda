import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type Clock, manualClock, systemClock } from '../../runtime/index.ts'
import { registryError } from './errors.ts'
import { memoryRegistry } from './memory-registry.ts'
import { fileRegistry } from './node-file-registry.ts'
import { layout, modelOf, registryContract } from './registry.contract.ts'
import type { ModelRegistry, Spool } from './registry.ts'
import { spooledRegistry } from './spooled-registry.ts'

const base = mkdtempSync(join(tmpdir(), 'flame-spool-'))
test.after.always(() => rmSync(base, { recursive: true, force: true }))

registryContract(test, async () => spooled({ clock: systemClock() }).registry)

/** A spooled registry, whose remote registry may be away, and notes what is committed to it. */
function spooled({
  spool = memoryRegistry(),
  remote = memoryRegistry(),
  clock = manualClock() as Clock,
  mostModels = undefined as number | undefined,
} = {}) {
  const committed: string[] = []
  const troubles: string[] = []
  const full: string[] = []
  const away = new Set<string>()
  let heard = () => {}
  const switched: ModelRegistry = {
    ...remote,
    async commit(model) {
      if (away.has(model.job)) throw registryError('REGISTRY_LOST', { location: 'memory', reason: 'it is away' })
      await remote.commit(model)
      committed.push(`${model.job} ${model.part ?? ''}${model.round}`)
    },
  }
  const registry = spooledRegistry({
    spool,
    remoteOf: async () => switched,
    clock,
    random: () => 0.5,
    delays: { firstMs: 1000, mostMs: 5000 },
    mostModels,
    onFull: (job, cause) => void full.push(`${job}: ${cause.message}`),
    onTrouble: (job) => {
      troubles.push(job)
      heard()
    },
  })
  return {
    registry,
    spool,
    remote,
    committed,
    away,
    troubles,
    full,
    /** Resolves at the next first failure of a job. */
    trouble: () => new Promise<void>((resolve) => (heard = resolve)),
  }
}

const never = () => new AbortController().signal

test('a remote registry that is away delays no commit, is told of as behind, and gets all rounds in their order', async (t) => {
  const clock = manualClock()
  const { registry, spool, remote, committed, away, trouble } = spooled({ clock })
  away.add('pairs-1')
  const heard = trouble()
  for (const round of [1, 2, 3]) await registry.commit(await modelOf(round))
  await heard
  t.like(await registry.behind('pairs-1'), {
    rounds: 3,
    error: { code: 'REGISTRY_LOST', message: 'memory cannot be reached: it is away' },
  })
  t.deepEqual(await remote.list('pairs-1'), [])
  t.is((await registry.latest('pairs-1'))?.round, 3)
  t.deepEqual((await registry.load('pairs-1', 2)).weights, (await modelOf(2)).weights)
  away.clear()
  const settled = registry.settled('pairs-1', never())
  t.deepEqual(await settled, { rounds: 0 })
  t.deepEqual(committed, ['pairs-1 1', 'pairs-1 2', 'pairs-1 3'])
  t.deepEqual(await remote.list('pairs-1'), [1, 2, 3])
  t.deepEqual(await spool.list('pairs-1'), [])
  t.is((await registry.latest('pairs-1'))?.round, 3)
})

test('until a job is settled the spool keeps its last round, and no other that the remote registry has', async (t) => {
  const { registry, spool, remote, away, trouble } = spooled()
  for (const round of [1, 2, 3]) await registry.commit(await modelOf(round))
  for (const part of ['eu', 'na']) await registry.commit(await modelOf(1, { part }))
  const heard = trouble()
  away.add('pairs-2')
  await registry.commit(await modelOf(1, { job: 'pairs-2' }))
  await heard
  while ((await registry.behind('pairs-1')).rounds > 0) await new Promise(setImmediate)
  t.deepEqual(await spool.list('pairs-1'), [3])
  t.deepEqual(await spool.list('pairs-1', 'eu'), [1])
  t.deepEqual(await remote.list('pairs-1'), [1, 2, 3])
  t.deepEqual(await registry.list('pairs-1'), [1, 2, 3])
})

test('pauses between tries grow to a bound, and are spread', async (t) => {
  const delays: number[] = []
  let fired = () => {}
  const clock: Clock = {
    now: () => 0,
    schedule(delayMs, callback) {
      delays.push(delayMs)
      fired = callback
      return () => {}
    },
  }
  const { registry, away } = spooled({ clock })
  away.add('pairs-1')
  await registry.commit(await modelOf(1))
  for (let tries = 1; tries < 6; tries++) {
    while (delays.length < tries) await new Promise(setImmediate)
    fired()
  }
  t.deepEqual(delays.slice(0, 5), [750, 1500, 3000, 3750, 3750])
})

test('of a job that is not there when the waiting ends, what is missing is told, and stays in the spool', async (t) => {
  const { registry, spool, away, trouble } = spooled()
  away.add('pairs-1')
  const heard = trouble()
  for (const round of [1, 2]) await registry.commit(await modelOf(round))
  await heard
  const waiting = new AbortController()
  const settled = registry.settled('pairs-1', waiting.signal)
  waiting.abort()
  t.like(await settled, { rounds: 2, error: { code: 'REGISTRY_LOST' } })
  t.deepEqual(await spool.list('pairs-1'), [1, 2])
})

test('a job whose registry is away does not delay another', async (t) => {
  const { registry, remote, away } = spooled()
  away.add('pairs-1')
  for (const job of ['pairs-1', 'pairs-2', 'pairs-3', 'pairs-4', 'pairs-5', 'pairs-6'])
    await registry.commit(await modelOf(1, { job }))
  for (const job of ['pairs-2', 'pairs-6']) t.is((await registry.settled(job, never())).rounds, 0)
  t.deepEqual(await remote.list('pairs-6'), [1])
  t.is((await registry.behind('pairs-1')).rounds, 1)
})

test('another life of the process goes on with what the spool holds, and each round is there once, with its hash', async (t) => {
  const folder = join(base, 'lives')
  const first = spooled({ spool: fileRegistry(folder) })
  first.away.add('pairs-1').add('pairs-2')
  const heard = first.trouble()
  for (const job of ['pairs-1', 'pairs-2'])
    for (const round of [1, 2, 3]) await first.registry.commit(await modelOf(round, { job }))
  await heard
  first.registry.close()
  // A part of the upload may have arrived before the end of the process.
  await first.remote.commit(await modelOf(1))
  const second = spooled({ spool: fileRegistry(folder), remote: first.remote })
  for (const job of ['pairs-1', 'pairs-2']) {
    t.is((await second.registry.settled(job, never())).rounds, 0)
    t.deepEqual(await first.remote.list(job), [1, 2, 3])
    t.is((await first.remote.load(job, 2)).hash, (await modelOf(2)).hash)
  }
})

test('uploads begin again by themselves after a restart', async (t) => {
  const spool: Spool = memoryRegistry()
  await spool.commit(await modelOf(1))
  const { remote } = spooled({ spool })
  while ((await remote.list('pairs-1')).length === 0) await new Promise(setImmediate)
  t.is((await remote.describe('pairs-1', 1)).round, 1)
})

test('what another process commits to the spool is uploaded once the registry is woken', async (t) => {
  const { registry, spool, remote } = spooled()
  t.deepEqual(await registry.settled('pairs-1', never()), { rounds: 0 })
  await spool.commit(await modelOf(1))
  registry.wake('pairs-1')
  while ((await registry.behind('pairs-1')).rounds > 0) await new Promise(setImmediate)
  t.deepEqual(await remote.list('pairs-1'), [1])
})

test('a round that is replaced before the end is uploaded again', async (t) => {
  const { registry, remote } = spooled()
  await registry.commit(await modelOf(1))
  t.is((await registry.behind('pairs-1')).rounds >= 0, true)
  const other = await modelOf(1, { weights: new Float32Array(layout.size).fill(9) })
  await registry.commit(other)
  await registry.settled('pairs-1', never())
  t.is((await remote.load('pairs-1', 1)).hash, other.hash)
})

test('a spool to which this process alone commits is looked at once', async (t) => {
  let looks = 0
  const spool = memoryRegistry()
  const looked = <Args extends readonly unknown[], Result>(look: (...args: Args) => Result) => {
    return (...args: Args) => {
      looks += 1
      return look(...args)
    }
  }
  const { list, parts, describe, load } = spool
  const counted = { list: looked(list), parts: looked(parts), describe: looked(describe), load: looked(load) }
  const { registry, remote } = spooled({ spool: { ...spool, ...counted } })
  for (const round of [1, 2, 3, 4]) {
    await registry.commit(await modelOf(round))
    while (!(await remote.list('pairs-1')).includes(round)) await new Promise(setImmediate)
    if (round === 1) looks = 0
  }
  t.is(looks, 0)
  t.deepEqual(await registry.settled('pairs-1', never()), { rounds: 0 })
  t.deepEqual(await spool.list('pairs-1'), [])
})

test('a model that another process replaces is uploaded again once the registry is woken', async (t) => {
  const { registry, spool, remote } = spooled()
  await registry.commit(await modelOf(1))
  while ((await registry.behind('pairs-1')).rounds > 0) await new Promise(setImmediate)
  const other = await modelOf(1, { weights: new Float32Array(layout.size).fill(9) })
  await spool.commit(other)
  registry.wake('pairs-1')
  while ((await registry.behind('pairs-1')).rounds > 0) await new Promise(setImmediate)
  t.is((await remote.load('pairs-1', 1)).hash, other.hash)
})

test('a model that is being replaced is not removed as one that the remote registry has', async (t) => {
  const spool = memoryRegistry()
  const other = await modelOf(1, { weights: new Float32Array(layout.size).fill(9) })
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const slow: Spool = {
    ...spool,
    async commit(model) {
      await spool.commit(model)
      if (model.hash === other.hash) await held
    },
  }
  const { registry, remote } = spooled({ spool: slow })
  await registry.commit(await modelOf(1))
  while ((await registry.behind('pairs-1')).rounds > 0) await new Promise(setImmediate)
  const replaced = registry.commit(other)
  await registry.commit(await modelOf(2))
  while (!(await remote.list('pairs-1')).includes(2)) await new Promise(setImmediate)
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
  release()
  await replaced
  t.deepEqual(await registry.settled('pairs-1', never()), { rounds: 0 })
  t.is((await remote.load('pairs-1', 1)).hash, other.hash)
})

test('a model that is removed before its upload is not uploaded', async (t) => {
  const { registry, spool, remote, away, trouble } = spooled()
  away.add('pairs-1')
  const heard = trouble()
  for (const round of [1, 2, 3]) await registry.commit(await modelOf(round))
  await heard
  await registry.remove('pairs-1', 3)
  // Another process removes one, too.
  await spool.remove('pairs-1', 1)
  away.clear()
  t.deepEqual(await registry.settled('pairs-1', never()), { rounds: 0 })
  t.deepEqual(await remote.list('pairs-1'), [2])
})

test('a damaged model of the spool is told of, and holds up no other', async (t) => {
  const folder = join(base, 'damaged')
  const files = fileRegistry(folder)
  for (const round of [1, 2]) await files.commit(await modelOf(round))
  writeFileSync(join(folder, 'pairs-1', 'round-0001', 'weights.bin'), new Uint8Array(4))
  const clock = manualClock()
  const { registry, remote } = spooled({ spool: files, clock })
  while ((await remote.list('pairs-1')).length === 0) {
    clock.advance(5000)
    await new Promise(setImmediate)
  }
  t.deepEqual(await remote.list('pairs-1'), [2])
  t.is((await registry.settled('pairs-1', AbortSignal.abort())).rounds, 1)
})

test('a round that is removed is removed here and there', async (t) => {
  const { registry, remote, spool } = spooled()
  for (const round of [1, 2]) await registry.commit(await modelOf(round))
  await registry.settled('pairs-1', never())
  await registry.commit(await modelOf(3))
  for (const round of [1, 3]) await registry.remove('pairs-1', round)
  t.deepEqual(await remote.list('pairs-1'), [2])
  t.deepEqual(await spool.list('pairs-1'), [])
})

test('at the bound of a spool a commit waits, which is told once, until an upload makes room, and nothing is lost', async (t) => {
  const clock = manualClock()
  const { registry, spool, remote, away, full, committed } = spooled({ clock, mostModels: 2 })
  away.add('pairs-1')
  for (const round of [1, 2]) await registry.commit(await modelOf(round))
  await registry.commit(await modelOf(1, { part: 'eu' }))
  await registry.commit(await modelOf(1, { job: 'pairs-2' }))
  const state = { isThere: false }
  const third = registry.commit(await modelOf(3)).then(() => {
    state.isThere = true
  })
  while (full.length === 0) {
    clock.advance(5000)
    await new Promise(setImmediate)
  }
  for (let time = 0; time < 20; time++) {
    clock.advance(5000)
    await new Promise(setImmediate)
  }
  t.false(state.isThere)
  t.deepEqual(await spool.list('pairs-1'), [1, 2])
  t.deepEqual(full, [
    'pairs-1: job pairs-1 waits: the spool has 2 models that its registry does not have, and room for no more',
  ])
  t.is(await registry.behindInAll(), 3)
  // A round that is there already needs no room.
  await registry.commit(await modelOf(2))
  away.clear()
  while (!state.isThere) {
    clock.advance(5000)
    await new Promise(setImmediate)
  }
  await third
  t.deepEqual(await registry.settled('pairs-1', never()), { rounds: 0 })
  t.deepEqual(await remote.list('pairs-1'), [1, 2, 3])
  t.is(committed.filter((name) => name.startsWith('pairs-1')).length, 4)
})

test('a commit that waits at the bound of a spool fails when the spool is closed, and its round is not there', async (t) => {
  const clock = manualClock()
  const { registry, spool, away } = spooled({ clock, mostModels: 2 })
  away.add('pairs-1')
  for (const round of [1, 2]) await registry.commit(await modelOf(round))
  const third = t.throwsAsync(registry.commit(await modelOf(3)), { code: 'REGISTRY_FULL' })
  registry.close()
  for (let isOver = false; !isOver; clock.advance(500)) {
    const ended = third.then(() => true)
    isOver = await Promise.race([ended, new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))])
  }
  t.deepEqual(await spool.list('pairs-1'), [1, 2])
})
