import test from 'ava'
import fc from 'fast-check'
import { clockedNode, dialling, later, noting, settled, terminated } from '../../test/support/clocked-nodes.ts'
import { isActorRef, type NodeLinkOptions } from '../index.ts'
import { Silence } from './silence.ts'

/** A device that has dialled a server. Both have the other's entry. */
async function joined(options: { server?: NodeLinkOptions; device?: NodeLinkOptions; deadAfterMs?: number } = {}) {
  const detached: boolean[] = []
  const received: unknown[] = []
  const server = clockedNode('server', {
    async authenticate() {
      return { mayStop: false, entry: () => noting(server.system, received), detached: (is) => detached.push(is) }
    },
    ...options.server,
  })
  const entries: unknown[] = []
  const device = clockedNode('device', { onPeer: ({ entry }) => entries.push(entry), ...options.device })
  const dialled = dialling(() => server)
  const changes: (readonly string[])[] = []
  const connection = device.link.connect({
    dial: dialled.dial,
    rights: { mayStop: true },
    ...(options.deadAfterMs !== undefined && { deadAfterMs: options.deadAfterMs }),
    onChange: (state, cause) => changes.push([state, ...(cause ? [String(Object(cause).code)] : [])]),
  })
  const nodes = [server, device]
  await settled(...nodes)
  const [entry] = entries
  if (!isActorRef<unknown>(entry)) throw new Error('there is no entry')
  return { server, device, nodes, ...dialled, connection, changes, detached, received, entry }
}

test('an idle link stays open for an hour, for a handful of frames a minute', async (t) => {
  const { nodes, last, connection, changes } = await joined()
  const before = last('control')?.frames ?? 0
  await later(3_600_000, nodes, 1000)
  t.is(connection.state, 'open')
  t.deepEqual(changes, [['open']])
  const perMinute = ((last('control')?.frames ?? 0) - before) / 60
  t.true(perMinute >= 2.6 && perMinute <= 3, `${perMinute} frames a minute`)
  await terminated(...nodes)
})

test('a half-open connection is noticed at both ends, at once if messages wait, and nothing is lost', async (t) => {
  for (const isIdle of [true, false]) {
    const { nodes, last, connection, changes, detached, received, entry } = await joined()
    const route = last('control')
    if (!route) return t.fail()
    await later(90_000, nodes, 1000)
    route.isMute = true
    if (!isIdle) entry.tell('in the dark')
    await later(isIdle ? 60_000 : 8000, nodes, 500)
    t.deepEqual(changes, [['open'], ['connecting', 'LINK_SILENT'], ['open']])
    t.is(connection.state, 'open')
    t.deepEqual(detached.at(-1) ?? false, false)
    if (isIdle) entry.tell('in the dark')
    await settled(...nodes)
    t.deepEqual(received, ['in the dark'])
    await terminated(...nodes)
  }
})

test('a server without a route to a node is told so, and declares the node dead after the given time', async (t) => {
  const { server, nodes, last, detached, connection, changes } = await joined({ server: { deadAfterMs: 60_000 } })
  const route = last('control')
  if (!route) return t.fail()
  route.isMute = true
  await later(50_000, [server], 1000)
  t.deepEqual(detached, [true])
  await later(61_000, [server], 1000)
  await later(80_000, nodes, 1000)
  t.deepEqual(connection.state, 'ended')
  t.deepEqual(changes.at(-1), ['ended', 'LINK_INCARNATION'])
  await terminated(...nodes)
})

test('a node that dials never gives the other up by itself, unless it is told to', async (t) => {
  for (const deadAfterMs of [undefined, 60_000]) {
    const { device, nodes, darken, entry } = await joined(deadAfterMs === undefined ? {} : { deadAfterMs })
    let isOver = false
    void device.system.stopped(entry).then(() => (isOver = true))
    darken()
    await later(90_000, [device], 1000)
    await later(300_000, [device], 1000)
    t.is(isOver, deadAfterMs !== undefined)
    await terminated(...nodes)
  }
})

test('a machine that has slept holds nothing against other nodes', async (t) => {
  const { server, nodes, last, detached, changes, connection } = await joined({ server: { deadAfterMs: 60_000 } })
  await later(40_000, nodes, 1000)
  // Ticks that were missed come at once when the machine wakes up.
  for (const { clock } of nodes) clock.advance(3_600_000)
  await later(40_000, nodes, 1000)
  t.deepEqual([changes, detached], [[['open']], []])
  const route = last('control')
  if (!route) return t.fail()
  route.isMute = true
  await later(50_000, [server], 1000)
  t.deepEqual(detached, [true])
  server.clock.advance(3_600_000)
  await later(5000, nodes, 1000)
  t.is(connection.state, 'open')
  await terminated(...nodes)
})

test('a doubt that somebody else has is examined, and costs a living node nothing', async (t) => {
  const { server, nodes, routes, changes, detached } = await joined()
  const [route] = routes.control
  if (!route) return t.fail()
  route.doubt()
  await later(3000, nodes, 500)
  t.deepEqual([changes, detached], [[['open']], []])
  route.isMute = true
  route.doubt()
  await later(2000, [server], 500)
  t.deepEqual(detached, [true])
  await terminated(...nodes)
})

test('answers that have always been slow are waited for, and sudden silence is noticed between the bounds', (t) => {
  const bounds = { leastMs: 4000, mostMs: 60_000 }
  const suspectedAt = (silence: Silence, fromMs: number) => {
    silence.expect(fromMs)
    for (let ms = 0; ; ms += 100) if (silence.suspectedMs(fromMs + ms) !== undefined) return ms
  }
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50_000 }), { minLength: 1, maxLength: 40 }), (delaysMs) => {
      const silence = new Silence(bounds, 0)
      let nowMs = 0
      for (const delayMs of delaysMs) {
        silence.expect(nowMs)
        nowMs += delayMs
        silence.heard(nowMs)
      }
      const atMs = suspectedAt(silence, nowMs)
      t.true(atMs >= bounds.leastMs && atMs <= bounds.mostMs)
      t.true(silence.phi(1000) <= silence.phi(5000) && silence.phi(5000) <= silence.phi(50_000))
    }),
  )
  const [fast, slow] = [new Silence(bounds, 0), new Silence(bounds, 0)]
  for (let answer = 0; answer < 100; answer++) {
    for (const [silence, delayMs] of [
      [fast, 5],
      [slow, 7000 + 500 * (answer % 3)],
    ] as const) {
      silence.expect(answer * 20_000)
      silence.heard(answer * 20_000 + delayMs)
    }
  }
  t.is(suspectedAt(fast, 2_000_000), 4000)
  const atMs = suspectedAt(slow, 2_000_000)
  t.true(atMs > 8000 && atMs < 20_000, `${atMs} ms`)
  t.true(suspectedAt(slow, 3_000_000) > atMs, 'a silence that was taken for a loss is learned from')
})
