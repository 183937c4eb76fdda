import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import { type Faults, faultProxy } from './index.ts'

/** What a socket has received, and whether it was closed. */
function received(socket: Socket) {
  const chunks: Buffer[] = []
  let changed = () => {}
  const all = () => Buffer.concat(chunks)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    changed()
  })
  return {
    closed,
    all,
    async until(count: number): Promise<Buffer> {
      while (all().length < count) await new Promise<void>((resolve) => (changed = resolve))
      return all()
    },
  }
}

/** A server behind a proxy, whose sockets are given out in the order in which they come. */
async function stage(faults: Faults = {}, seed = 1) {
  const accepted: Socket[] = []
  let waiting: ((socket: Socket) => void) | undefined
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (!waiting) return void accepted.push(socket)
    waiting(socket)
    waiting = undefined
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new TypeError('the server listens on no port')
  const proxy = await faultProxy({ target: { port: address.port }, seed, faults })
  const all: Socket[] = []
  return {
    proxy,
    dial() {
      const socket = connect(proxy.port, '127.0.0.1')
      all.push(socket)
      return { socket, ...received(socket) }
    },
    async accepted() {
      const socket = accepted.shift() ?? (await new Promise<Socket>((resolve) => (waiting = resolve)))
      all.push(socket)
      return { socket, ...received(socket) }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of all) socket.destroy()
      await proxy.close()
      server.close()
      await once(server, 'close')
    },
  }
}

function pattern(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) % 251))
}

const networks: readonly [name: string, Faults][] = [
  ['no faults', {}],
  ['delay and jitter', { delayMs: 5, jitterMs: 20 }],
  ['a throttle', { bytesPerSecond: 4_000_000, delayMs: 3 }],
]
for (const [name, faults] of networks)
  test(`through a proxy with ${name} all bytes arrive in order, in both directions, before the end`, async (t) => {
    await using at = await stage(faults)
    const near = at.dial()
    const far = await at.accepted()
    const bytes = pattern(600_000)
    near.socket.end(bytes)
    far.socket.write(bytes)
    await Promise.all([near.until(bytes.length), far.until(bytes.length)])
    far.socket.end()
    await Promise.all([near.closed, far.closed])
    t.is(Buffer.compare(near.all(), bytes), 0)
    t.is(Buffer.compare(far.all(), bytes), 0)
    t.like(at.proxy.counts, { made: 1, cut: 0, damaged: 0 })
  })

test('delay and throttle take at least their time', async (t) => {
  await using at = await stage({ delayMs: 40, bytesPerSecond: 1_000_000 })
  const near = at.dial()
  const far = await at.accepted()
  const start = performance.now()
  near.socket.write(pattern(100_000))
  await far.until(1)
  t.true(performance.now() - start >= 39)
  await far.until(100_000)
  t.true(performance.now() - start >= 139)
})

test('a cut ends a connection at both sides, and a late one only after the bytes under way', async (t) => {
  await using at = await stage({ delayMs: 30 })
  const near = at.dial()
  const far = await at.accepted()
  near.socket.write('lost')
  at.proxy.cut()
  await Promise.all([near.closed, far.closed])
  t.is(far.all().length, 0)
  at.proxy.set({ delayMs: 200, lateShare: 1, lateMs: 60 })
  const next = at.dial()
  const late = await at.accepted()
  next.socket.write('first')
  await late.until(5)
  next.socket.write('under way')
  late.socket.write('never heard')
  while (at.proxy.counts.bytesUnderWay < 20) await new Promise((resolve) => setImmediate(resolve))
  at.proxy.cut()
  await next.closed
  t.is(next.all().length, 0)
  await late.closed
  t.is(String(late.all()), 'firstunder way')
  t.is(at.proxy.counts.cut, 2)
})

test('a silent network swallows bytes and ends, for ever, and later connections are well', async (t) => {
  await using at = await stage()
  const near = at.dial()
  const far = await at.accepted()
  near.socket.write('before')
  await far.until(6)
  at.proxy.set({ isSilent: true })
  near.socket.write('swallowed')
  far.socket.write('swallowed')
  const held = at.dial()
  await once(held.socket, 'connect')
  held.socket.destroy()
  at.proxy.set({})
  const next = at.dial()
  const well = await at.accepted()
  next.socket.write('well')
  await well.until(4)
  near.socket.write('never')
  near.socket.destroy()
  await near.closed
  next.socket.write('again')
  await well.until(9)
  t.is(String(far.all()), 'before')
  t.false(far.socket.destroyed || far.socket.readableEnded)
})

test('damage changes one byte in a share of the pieces', async (t) => {
  const damagedAt = async (damagedShare: number) => {
    await using at = await stage({ damagedShare }, 7)
    const near = at.dial()
    const far = await at.accepted()
    const bytes = pattern(400_000)
    near.socket.write(bytes)
    const found = await far.until(bytes.length)
    const places = [...bytes.keys()].filter((index) => found[index] !== bytes[index])
    t.is(places.length, at.proxy.counts.damaged)
    return places.length
  }
  t.is(await damagedAt(0), 0)
  const all = await damagedAt(1)
  t.true(all >= 400_000 / (16 * 1024))
  const some = await damagedAt(0.3)
  t.true(some > 0 && some < all)
})

test('cuts come by themselves, and a network that refuses lets nobody in', async (t) => {
  await using at = await stage({ cutEveryMs: 2 })
  for (let cut = 0; cut < 5; cut++) await at.dial().closed
  t.true(at.proxy.counts.cut >= 5)
  at.proxy.set({ isRefusing: true })
  const { made } = at.proxy.counts
  await at.dial().closed
  t.is(at.proxy.counts.made, made)
})

test('a proxy whose target is gone ends the connection', async (t) => {
  const gone = await stage()
  const { port } = gone.proxy
  await gone[Symbol.asyncDispose]()
  await using proxy = await faultProxy({ target: { port } })
  await received(connect(proxy.port, '127.0.0.1')).closed
  t.is(proxy.counts.made, 1)
})

test('a connection is cut once some bytes have passed in one direction, and the next connection begins anew', async (t) => {
  await using at = await stage({ cutAfterBytes: 50_000 })
  for (const way of ['up', 'down'] as const) {
    const near = at.dial()
    const far = await at.accepted()
    const [from, to] = way === 'up' ? [near, far] : [far, near]
    from.socket.write(pattern(40_000))
    await to.until(40_000)
    from.socket.write(pattern(40_000))
    await Promise.all([near.closed, far.closed])
    t.true(to.all().length <= 50_000)
  }
  t.is(at.proxy.counts.cut, 2)
})
