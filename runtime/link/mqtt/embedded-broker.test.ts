import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import fc from 'fast-check'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { type BrokerRefusal, type EmbeddedBroker, type EmbeddedBrokerOptions, embeddedBroker } from './index.ts'

async function opened(options: Partial<EmbeddedBrokerOptions> = {}) {
  const refusals: BrokerRefusal[] = []
  const broker = await embeddedBroker({
    authenticate: async ({ username, password }) => {
      if (password !== `of-${username}`) return undefined
      return username === 'server' ? { serves: 'server' } : {}
    },
    onRefused: (refusal) => refusals.push(refusal),
    refuseAfterMs: 10,
    ...options,
  })
  return { broker, refusals, [Symbol.asyncDispose]: () => broker.close() }
}

function client({ url }: EmbeddedBroker, username: string, more: IClientOptions = {}): Promise<MqttClient> {
  const options = { username, password: `of-${username}`, protocolVersion: 4, reconnectPeriod: 0, ...more } as const
  return connectAsync(url, options, false)
}

function closed(of: MqttClient | Socket): Promise<void> {
  return new Promise((resolve) => void of.once('close', () => resolve()))
}

test('a message or subscription beyond its rights is refused and reported, and the sender of the message is cut off', async (t) => {
  await using at = await opened()
  for (const [topic, options] of [
    ['flame/server/up/ben/n/r/control', {}],
    ['flame/server/down/ada/n/r/control', {}],
    ['flame/server/gone', {}],
    ['$SYS/x', {}],
    ['elsewhere', {}],
    ['flame/server/up/ada/n/r/control', { retain: true }],
    ['flame/server/up/ada/n/r/control', { qos: 1 }],
    [`flame/server/up/ada/${'n'.repeat(2000)}`, {}],
  ] as const) {
    const ada = await client(at.broker, 'ada')
    const end = closed(ada)
    ada.publish(topic, 'x', { ...options })
    await end
    t.is(at.refusals.splice(0).length, 1, topic)
  }
  const ada = await client(at.broker, 'ada')
  for (const topic of [
    '#',
    'flame/#',
    'flame/server/up/#',
    'flame/+/down/+/#',
    'flame/server/down/ben/#',
    '+/server/gone',
  ])
    await t.throwsAsync(ada.subscribeAsync(topic), undefined, topic)
  await t.throwsAsync(ada.subscribeAsync('flame/server/gone', { qos: 1 }))
  t.is(at.refusals.length, 7)
  t.like(at.refusals[0], { username: 'ada', from: '127.0.0.1' })
  await ada.subscribeAsync(['flame/server/down/ada/n/r/control/#', 'flame/server/gone'])
  await ada.endAsync()
})

test('nothing is kept for a client that asks for it: neither its session nor its will', async (t) => {
  await using at = await opened()
  const will = { topic: 'flame/server/up/ada/n/r/control/gone', payload: Buffer.from('') }
  for (const options of [
    { clean: false, clientId: 'x' },
    { will: { ...will, retain: true, qos: 0 } },
    { will: { ...will, retain: false, qos: 1 } },
    { clientId: 'x'.repeat(300) },
  ] as const)
    await t.throwsAsync(client(at.broker, 'ada', options))
  t.is(at.refusals.length, 4)
})

test('the will of a client has the bounds of its messages', async (t) => {
  await using at = await opened()
  const server = await client(at.broker, 'server')
  const heard: string[] = []
  let changed = () => {}
  server.on('message', (topic) => {
    heard.push(topic)
    changed()
  })
  await server.subscribeAsync('flame/server/up/#')
  for (const user of ['ben', 'ada']) {
    const will = {
      topic: `flame/server/up/${user}/n/r/control/gone`,
      payload: Buffer.from(''),
      qos: 0,
      retain: false,
    } as const
    const ada = await client(at.broker, 'ada', { will })
    ada.stream.destroy()
  }
  while (heard.length === 0) await new Promise<void>((resolve) => (changed = resolve))
  t.deepEqual(heard, ['flame/server/up/ada/n/r/control/gone'])
  t.is(at.refusals.length, 1)
  await server.endAsync()
})

test("a client ends no other user's connection by its identifier", async (t) => {
  await using at = await opened()
  const ada = await client(at.broker, 'ada', { clientId: 'same' })
  const end = closed(ada)
  await t.throwsAsync(client(at.broker, 'ben', { clientId: 'same' }), { message: /Not authorized/ })
  t.true(ada.connected)
  const again = await client(at.broker, 'ada', { clientId: 'same' })
  await end
  t.true(again.connected)
  await again.endAsync()
})

test('connections are bounded, in all and for each user', async (t) => {
  await using at = await opened({ mostConnections: 4, mostConnectionsOfUser: 2 })
  const clients = [await client(at.broker, 'ada'), await client(at.broker, 'ada'), await client(at.broker, 'ben')]
  await t.throwsAsync(client(at.broker, 'ada'), { message: /Not authorized/ })
  clients.push(await client(at.broker, 'ben'))
  await t.throwsAsync(client(at.broker, 'eve'))
  t.is(at.broker.count, 4)
  await clients[0]?.endAsync()
  clients.push(await client(at.broker, 'ada'))
  for (const each of clients) each.end(true)
})

test('a wrong password is answered late, and never reaches the log', async (t) => {
  await using at = await opened({ refuseAfterMs: 200 })
  const began = performance.now()
  await t.throwsAsync(client(at.broker, 'ada', { password: 'secret-guess' }), { message: /Bad username or password/ })
  t.true(performance.now() - began >= 199)
  t.is(at.refusals.length, 1)
  t.notRegex(JSON.stringify(at.refusals), /secret-guess/)
})

test('a packet that is too long is cut off at its beginning', async (t) => {
  await using at = await opened()
  await t.throwsAsync(client(at.broker, 'ada', { password: 'x'.repeat(20_000) }))
  const ada = await client(at.broker, 'ada')
  const end = closed(ada)
  ada.publish('flame/server/up/ada/n/r/bulk', Buffer.alloc(300_000))
  await end
  const socket = connect(at.broker.port, '127.0.0.1')
  const cut = closed(socket)
  socket.on('error', () => {})
  // A connect packet that claims 200 MB.
  socket.write(Uint8Array.of(0x10, 0x80, 0x80, 0xb0, 0x5f))
  await cut
  t.pass()
})

test('who says nothing is cut off', async (t) => {
  await using at = await opened({ connectWithinMs: 50 })
  const socket = connect(at.broker.port, '127.0.0.1')
  await closed(socket)
  while (at.broker.count > 0) await setImmediate()
  t.pass()
})

test('any bytes leave the broker as it was', async (t) => {
  await using at = await opened({ connectWithinMs: 200 })
  const hello = Buffer.from('101c00044d515454040200000007636c69656e742d0003616461', 'hex')
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.uint8Array({ maxLength: 300 }), async (isHello, bytes) => {
      const socket = connect(at.broker.port, '127.0.0.1')
      socket.on('error', () => {})
      const end = closed(socket)
      await once(socket, 'connect')
      socket.end(isHello ? Buffer.concat([hello, bytes]) : bytes)
      socket.resume()
      await end
    }),
    { numRuns: 300 },
  )
  const ada = await client(at.broker, 'ada')
  t.true(ada.connected)
  await ada.endAsync()
})

test('a device that does not read delays no other device, and costs bounded memory', async (t) => {
  await using at = await opened()
  const server = await client(at.broker, 'server')
  const ada = await client(at.broker, 'ada')
  const ben = await client(at.broker, 'ben')
  await ada.subscribeAsync('flame/server/down/ada/#')
  await ben.subscribeAsync('flame/server/down/ben/#')
  ada.stream.unpipe()
  ada.stream.pause()
  let heard = 0
  const all = new Promise<void>((resolve) => {
    ben.on('message', () => {
      heard += 1
      if (heard === 20) resolve()
    })
  })
  const frame = Buffer.alloc(64 * 1024)
  for (let number = 0; number < 1000; number++) {
    await server.publishAsync('flame/server/down/ada/n/r/bulk', frame)
    if (number % 50 === 0) await server.publishAsync('flame/server/down/ben/n/r/control', 'x')
  }
  await all
  // What the broker has kept for the device comes when the device reads on, and is far less than was sent.
  let bytes = 0
  const marked = new Promise<void>((resolve) => {
    ada.stream.on('data', (part: Buffer) => {
      bytes += part.length
      if (part.includes('the last')) resolve()
    })
  })
  const repeat = setInterval(() => server.publish('flame/server/down/ada/n/r/bulk', 'the last'), 20)
  ada.stream.resume()
  await marked
  clearInterval(repeat)
  t.true(bytes < 32 * 1024 * 1024)
  for (const each of [server, ada, ben]) each.end(true)
})
