import test from 'ava'
import { clockedNode, dialling, later, settled, terminated } from '../../test/support/clocked-nodes.ts'
import { memoryRoute, type NodeLink } from '../index.ts'
import { Quarantine } from './quarantine.ts'

test('faults keep a name out for times that double up to ten minutes, and are forgotten', (t) => {
  const quarantine = new Quarantine()
  const times = Array.from({ length: 18 }, () => {
    quarantine.fault('a', 0)
    return quarantine.leftMs('a', 0).forMs
  })
  t.deepEqual(times.slice(0, 8), [0, 0, 0, 0, 1000, 2000, 4000, 8000])
  t.is(times.at(-1), 600_000)
  t.is(quarantine.leftMs('b', 0).forMs, 0)
  t.deepEqual(quarantine.leftMs('a', 599_999), { forMs: 1, isTold: true })
  t.is(quarantine.leftMs('a', 600_000).forMs, 0)
  quarantine.fault('a', 600_001)
  t.is(quarantine.leftMs('a', 600_001).forMs, 600_000)
  quarantine.fault('a', 2_000_000)
  t.is(quarantine.leftMs('a', 2_000_000).forMs, 0)
  for (let number = 0; number < 30_000; number++) quarantine.fault(`other ${number}`, 0)
  for (let fault = 0; fault < 5; fault++) quarantine.fault('a', 2_000_000)
  quarantine.forgive('a')
  t.is(quarantine.leftMs('a', 2_000_000).forMs, 0)
})

/** Sends bytes as the first frame of a route. */
function intrude(link: NodeLink, from: string, bytes: Uint8Array<ArrayBuffer>): void {
  const [left, right] = memoryRoute()
  link.accept(right, { from })
  left.send(bytes)
}

test('an address is not kept out because nobody greets on its connections: a network may have lost the greetings', async (t) => {
  const server = clockedNode('server', { authenticate: async () => ({ mayStop: false }) })
  for (let number = 0; number < 8; number++) {
    const [, right] = memoryRoute()
    server.link.accept(right, { from: '192.0.2.66' })
  }
  await settled(server)
  await later(11_000, [server], 1000)
  t.deepEqual(new Set(server.refusals.map(({ cause }) => Object(cause).code)), new Set(['LINK_SILENT']))
  const device = clockedNode('device')
  const connection = device.link.connect({
    dial: dialling(() => server, { from: '192.0.2.66' }).dial,
    rights: { mayStop: true },
  })
  await settled(server, device)
  t.is(connection.state, 'open')
})

test('an address that keeps sending garbage or bad tokens is kept out for a while, and others are not', async (t) => {
  const server = clockedNode('server', {
    async authenticate({ token }) {
      if (token !== 'good') throw new Error('a bad token')
      return { mayStop: false }
    },
  })
  for (let number = 0; number < 5; number++) intrude(server.link, '192.0.2.66', Uint8Array.of(1, 2, 3))
  await settled(server)
  t.deepEqual(
    server.refusals.map(({ from, cause }) => [from, Object(cause).code]),
    Array.from({ length: 5 }, () => ['192.0.2.66', 'LINK_DAMAGED']),
  )
  const device = clockedNode('device')
  const bad = dialling(() => server, { from: '192.0.2.66' })
  const good = dialling(() => server)
  const causes: unknown[] = []
  const waiting = device.link.connect({
    dial: bad.dial,
    token: 'good',
    rights: { mayStop: true },
    onChange: (_state, cause) => cause && causes.push(Object(cause).code),
  })
  // The greeting's check sums come from threads that a busy machine serves late.
  for (let turn = 0; turn < 100 && causes.length === 0; turn++) await settled(server, device)
  t.is(waiting.state, 'connecting')
  t.deepEqual(causes, ['LINK_QUARANTINE'])
  const other = clockedNode('other')
  const allowed = other.link.connect({ dial: good.dial, token: 'good', rights: { mayStop: true } })
  await settled(server, other)
  t.is(allowed.state, 'open')
  await later(4000, [server, device], 50)
  t.is(waiting.state, 'open')
  t.is(server.refusals.filter(({ cause }) => Object(cause).code === 'LINK_QUARANTINE').length, 1)
  await terminated(server, device, other)
})

test('a node that keeps sending what cannot be read is kept out by its identity, from wherever it comes', async (t) => {
  const server = clockedNode('server', { authenticate: async ({ token }) => ({ mayStop: false, identity: token }) })
  const causes: unknown[] = []
  for (let life = 1; life <= 6; life++) {
    const device = clockedNode('device', {}, life)
    const { dial, last } = dialling(() => server, { from: `192.0.2.${life}` })
    device.link.connect({
      dial,
      token: 'mallory',
      rights: { mayStop: true },
      onChange: (_state, cause) => cause && causes.push(Object(cause).code),
    })
    await settled(server, device)
    const garbage = new Uint8Array(40)
    garbage[0] = 2
    last('control')?.ends[0].send(garbage)
    await settled(server, device)
    await terminated(device)
  }
  t.deepEqual(
    causes.slice(0, 5),
    Array.from({ length: 5 }, () => 'LINK_FRAME'),
  )
  t.is(causes[5], 'LINK_QUARANTINE')
  await terminated(server)
})
