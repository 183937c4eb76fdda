import test from 'ava'
import fc from 'fast-check'
import { clockedNode, dialling, later, noting, settled, terminated } from '../../test/support/clocked-nodes.ts'
import {
  nonceFor,
  plainFrame,
  type RawEnd,
  rawChallenge,
  rawEnd,
  rawGreeting,
  rawNonce,
} from '../../test/support/raw-end.ts'
import { deflateFrames, isActorRef, type NodeLinkOptions, type PeerRights } from '../index.ts'
import { encodeFrame, type FrameKind, frameFlags } from './frame.ts'
import { decodeChallenge, decodeGreeting, encodeChallenge, encodeGreeting } from './greeting.ts'
import { pack } from './message-codec.ts'

const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((name) => !/\p{Cc}/u.test(name))
const numbers = fc.nat(2 ** 31)
const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 })

test('challenges and greetings are read as they were written', (t) => {
  const challenges = fc.record({
    ...{ least: fc.nat(255), major: fc.nat(255), minor: fc.nat(255), features: numbers, node: names },
    ...{ incarnation: fc.maxSafeNat(), nonce: bytes16 },
  })
  fc.assert(fc.property(challenges, (said) => t.deepEqual(decodeChallenge(encodeChallenge(said)), said)))
  const greetings = fc.record({
    ...{ major: fc.constant(1), minor: fc.nat(255), features: numbers, epoch: numbers, node: names, nonce: bytes16 },
    lanes: fc.constantFrom('control' as const, 'bulk' as const, 'both' as const),
    ...{ incarnation: fc.maxSafeNat(), peerIncarnation: fc.maxSafeNat() },
    ...{ token: fc.string({ unit: 'grapheme' }), rest: fc.uint8Array() },
  })
  fc.assert(fc.property(greetings, (said) => t.deepEqual(decodeGreeting(encodeGreeting(said)), said)))
})

/** Frames of version 1.0, as it wrote them. */
const recorded = {
  hello:
    '00040000000000000100000001000000000010000000100000000000e484d85301000200000000000100000006000400000000000000' +
    '084000000000000000000102030405060708090a0b0c0d0e0f10646576696365676f6f64de0001a5656e7472799205a62f656e747279',
  challenge:
    '06040000000000000100000001000000000010000000100000000000a5e0ba740101000000000000000000000000f03f' +
    '0102030405060708090a0b0c0d0e0f10736572766572',
  welcome:
    '01040000000000000100000001000000000010000000100000000000d57d680301000200000000000100000006000000000000000000' +
    'f03f00000000000008400102030405060708090a0b0c0d0e0f10736572766572de0001a5656e7472799202a62f656e747279',
}
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

test('a node of version 1.0 is let in, and a node of version 1.0 is dialled', async (t) => {
  const claims: unknown[] = []
  const entries: unknown[] = []
  const options: NodeLinkOptions = {
    randomBytes: (count) => rawNonce.slice(0, count),
    async authenticate(claim) {
      claims.push(claim)
      return { mayStop: false }
    },
    onPeer: ({ node, nodeIncarnation, entry }) => entries.push([node, nodeIncarnation, entry?.path]),
  }
  const server = clockedNode('server', options)
  const older = rawEnd()
  server.link.accept(older.other, { from: '192.0.2.1' })
  await settled(server)
  older.send(bytesOf(recorded.hello))
  await settled(server)
  t.deepEqual(claims, [{ token: 'good', node: 'device', from: '192.0.2.1' }])
  t.deepEqual(
    older.heard.map(({ kind }) => kind),
    ['challenge', 'welcome'],
  )
  t.is(older.closed, undefined)

  const device = clockedNode('device', options, 3)
  const olderServer = rawEnd()
  device.link.dial('server', olderServer.other, { mayStop: true })
  await settled(device)
  olderServer.send(bytesOf(recorded.challenge))
  await settled(device)
  const [hello] = olderServer.heard
  t.like(hello && decodeGreeting(hello.body), { node: 'device', incarnation: 3, lanes: 'both', features: 0 })
  olderServer.send(bytesOf(recorded.welcome))
  await settled(device)
  t.deepEqual(entries, [
    ['device', 3, 'device:/entry'],
    ['server', 1, 'server:/entry'],
  ])
  await terminated(server, device)
})

/** A server, and an end that it has challenged. */
async function challenged(rights: () => Promise<PeerRights> = async () => ({ mayStop: false })) {
  const server = clockedNode('server', { authenticate: rights })
  const end = rawEnd()
  server.link.accept(end.other, { from: '192.0.2.1' })
  await settled(server)
  return { server, end, nonce: nonceFor(end) }
}

test('a newer minor version is let in with features and fields that nobody knows yet; another major version is not', async (t) => {
  const newer = await challenged()
  const rest = pack({ entry: [7, '/entry'], mood: 'good' })
  newer.end.say('hello', rawGreeting({ minor: 9, features: 0xff_ff_ff_f0, nonce: newer.nonce, rest }))
  await settled(newer.server)
  const welcome = newer.end.heard[1]
  t.like(welcome && decodeGreeting(welcome.body), { major: 1, minor: 1, features: 0 })
  const other = await challenged()
  const hello = rawGreeting({ nonce: other.nonce })
  hello[0] = 2
  other.end.say('hello', hello)
  await settled(other.server)
  t.is(other.end.closed, 'LINK_VERSION')

  for (const [least, major, state] of [
    [1, 3, 'connecting'],
    [2, 3, 'refused'],
  ] as const) {
    const device = clockedNode('device')
    const end = rawEnd()
    const connection = device.link.connect({ dial: async () => end.other, rights: { mayStop: false } })
    await settled(device)
    end.say('challenge', rawChallenge(major, least))
    await settled(device)
    t.is(connection.state, state)
    t.is(end.heard.length, state === 'refused' ? 0 : 1)
    await terminated(device)
  }
  await terminated(newer.server, other.server)
})

test('a greeting that somebody has overheard is worth nothing on another route', async (t) => {
  const claims: unknown[] = []
  const server = clockedNode('server', {
    async authenticate(claim) {
      claims.push(claim)
      return { mayStop: false }
    },
  })
  const overheard: Uint8Array<ArrayBuffer>[] = []
  const device = clockedNode('device')
  const { dial, routes } = dialling(() => server)
  device.link.connect({
    async dial(...args) {
      const route = await dial(...args)
      const [tested] = routes.control
      if (tested)
        tested.change = (frame) => {
          overheard.push(frame.slice())
          return [frame]
        }
      return route
    },
    token: 'secret',
    rights: { mayStop: false },
  })
  await settled(server, device)
  t.is(claims.length, 1)
  const hello = overheard.find((frame) => frame[0] === 0)
  if (!hello) return t.fail()
  const thief = rawEnd()
  server.link.accept(thief.other, { from: '192.0.2.66' })
  await settled(server)
  thief.send(hello.slice())
  await settled(server)
  t.is(thief.closed, 'LINK_REPLAY')
  t.is(claims.length, 1, 'the token was not even looked at')
  t.like(server.refusals[0], { from: '192.0.2.66', node: 'device' })
  await terminated(server, device)
})

test('a token for another name, or a life that has ended, is refused with a code', async (t) => {
  const rights = async () => ({ mayStop: false, node: 'anna' })
  const named = await challenged(rights)
  named.end.say('hello', rawGreeting({ nonce: named.nonce, node: 'ben' }))
  await settled(named.server)
  t.is(named.end.closed, 'LINK_NAME')
  const own = await challenged()
  own.end.say('hello', rawGreeting({ nonce: own.nonce, node: 'server' }))
  await settled(own.server)
  t.is(own.end.closed, 'LINK_NAME')

  const { server } = named
  const greet = async (incarnation: number, peerIncarnation = 0) => {
    const end = rawEnd()
    server.link.accept(end.other, { from: '192.0.2.1' })
    await settled(server)
    end.say('hello', rawGreeting({ nonce: nonceFor(end), node: 'anna', incarnation, peerIncarnation }))
    await settled(server)
    return end
  }
  const first = await greet(5)
  t.is(first.closed, undefined)
  server.link.declareDead('anna')
  await settled(server)
  t.is(first.closed, 'LINK_INCARNATION')
  t.deepEqual([(await greet(5)).closed, (await greet(4)).closed], ['LINK_INCARNATION', 'LINK_INCARNATION'])
  t.is((await greet(7, 1)).closed, 'LINK_INCARNATION', 'a session that this node does not know')
  t.is((await greet(6)).closed, undefined)
  await terminated(named.server, own.server)
})

test('strangers who do not greet are bounded in number and in time', async (t) => {
  const server = clockedNode('server', { authenticate: async () => ({ mayStop: false }), mostGreeting: 3 })
  const ends = Array.from({ length: 5 }, rawEnd)
  for (const { other } of ends) server.link.accept(other, { from: '192.0.2.1' })
  await settled(server)
  t.deepEqual(
    ends.map(({ closed }) => closed),
    [undefined, undefined, undefined, 'LINK_BUSY', 'LINK_BUSY'],
  )
  ends[0]?.close()
  await settled(server)
  const next = rawEnd()
  server.link.accept(next.other, { from: '192.0.2.1' })
  await later(9000, [server], 1000)
  t.is(next.closed, undefined)
  await later(2000, [server], 1000)
  t.deepEqual(
    [ends[1], ends[2], next].map((end) => end?.closed),
    ['LINK_SILENT', 'LINK_SILENT', 'LINK_SILENT'],
  )
  await terminated(server)
})

/** Lets a node take some turns that never becomes idle, since a token is being looked at. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const kinds = ['challenge', 'hello', 'welcome', 'data', 'acknowledge', 'resend', 'wanted', 'beat', 'close'] as const
/** What a node does with a frame of each kind: it goes on, or closes the route with a code, or without a word. */
type Reactions = Readonly<Record<FrameKind, string | undefined>>
const refusedAll: Reactions = {
  ...{ challenge: 'LINK_HANDSHAKE', hello: 'LINK_HANDSHAKE', welcome: 'LINK_HANDSHAKE', data: 'LINK_HANDSHAKE' },
  ...{ acknowledge: 'LINK_HANDSHAKE', resend: 'LINK_HANDSHAKE', wanted: 'LINK_HANDSHAKE', beat: 'LINK_HANDSHAKE' },
  close: '',
}
const closedAll: Reactions = {
  ...{ challenge: '', hello: '', welcome: '', data: '', acknowledge: '', resend: '', wanted: '', beat: '', close: '' },
}
const open: Reactions = {
  ...{ challenge: undefined, hello: undefined, welcome: undefined, acknowledge: undefined, resend: undefined },
  ...{ wanted: undefined, beat: undefined, data: 'LINK_FRAME', close: '' },
}

/** A body that fits the kind, so that only the state decides. */
function bodyFor(kind: FrameKind, nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  if (kind === 'challenge') return rawChallenge()
  if (kind === 'hello' || kind === 'welcome') return rawGreeting({ nonce })
  return kind === 'close' ? pack({ code: 'LINK_NODE_ENDED', reason: 'tested' }) : new Uint8Array()
}

const states: Readonly<
  Record<
    string,
    readonly [
      reactions: Reactions,
      reach: () => Promise<{ end: RawEnd; node: ReturnType<typeof clockedNode>; nonce: Uint8Array }>,
    ]
  >
> = {
  'an accepting node that awaits a hello': [
    { ...refusedAll, hello: undefined },
    async () => {
      const { server: node, end, nonce } = await challenged()
      return { node, end, nonce }
    },
  ],
  'an accepting node that looks at a token': [
    { ...refusedAll, hello: undefined },
    async () => {
      const { server: node, end, nonce } = await challenged(() => new Promise(() => {}))
      end.say('hello', rawGreeting({ nonce }))
      await turns()
      return { node, end, nonce }
    },
  ],
  'an accepting node with a session': [
    open,
    async () => {
      const { server: node, end, nonce } = await challenged()
      end.say('hello', rawGreeting({ nonce }))
      await settled(node)
      return { node, end, nonce }
    },
  ],
  'a dialling node that awaits a challenge': [{ ...closedAll, challenge: undefined }, async () => dialled()],
  'a dialling node that awaits a welcome': [
    { ...closedAll, challenge: undefined, welcome: undefined },
    async () => {
      const reached = await dialled()
      reached.end.say('challenge', rawChallenge())
      await settled(reached.node)
      return reached
    },
  ],
  'a dialling node with a session': [
    open,
    async () => {
      const reached = await dialled()
      reached.end.say('challenge', rawChallenge())
      await settled(reached.node)
      reached.end.say('welcome', rawGreeting())
      await settled(reached.node)
      return reached
    },
  ],
}

async function dialled() {
  const node = clockedNode('device')
  const end = rawEnd()
  node.link.dial('raw', end.other, { mayStop: false })
  await settled(node)
  return { node, end, nonce: rawNonce }
}

for (const [state, [reactions, reach]] of Object.entries(states))
  test(`${state} reacts to each kind of frame as it must`, async (t) => {
    for (const kind of kinds) {
      const { node, end, nonce } = await reach()
      t.is(end.closed, undefined, 'before')
      end.say(kind, bodyFor(kind, nonce))
      await turns()
      t.is(end.closed, reactions[kind], kind)
      t.is(node.system.size, 1)
      void node.system.terminate()
    }
  })

test('check sums are on if either end wants them, and compression if both have a codec', async (t) => {
  for (const [server, device, relayed, flags] of [
    [{}, {}, false, 0],
    [{}, {}, true, frameFlags.checked],
    [{ checkSums: 'always' }, {}, false, frameFlags.checked],
    [{}, { checkSums: 'always' }, false, frameFlags.checked],
    [{ codec: deflateFrames() }, {}, false, 0],
    [{ codec: deflateFrames() }, { codec: deflateFrames() }, false, frameFlags.deflated],
  ] as const) {
    const received: unknown[] = []
    const one = clockedNode('server', {
      ...server,
      authenticate: async () => ({ mayStop: false, entry: () => noting(one.system, received) }),
    })
    const text = 'again and '.repeat(1000)
    const other = clockedNode('device', {
      ...device,
      onPeer({ entry }) {
        if (isActorRef<unknown>(entry)) entry.tell(text)
      },
    })
    const { dial, routes } = dialling(() => one)
    const seen: number[] = []
    other.link.connect({
      async dial(...args) {
        const route = await dial(...args)
        const [tested] = routes.control
        if (tested)
          tested.change = (frame) => {
            if (frame[0] === 2) seen.push((frame[1] ?? 0) & (frameFlags.checked | frameFlags.deflated))
            return [frame]
          }
        return Object.assign(route, { isRelayed: relayed })
      },
      rights: { mayStop: false },
    })
    await settled(one, other)
    t.deepEqual(received, [text])
    t.deepEqual(seen, [flags])
    await terminated(one, other)
  }
})

test('damage on a checked route costs the route, not the session', async (t) => {
  const received: unknown[] = []
  const server = clockedNode('server', {
    authenticate: async () => ({ mayStop: false, entry: () => noting(server.system, received) }),
  })
  const entries: unknown[] = []
  const device = clockedNode('device', { checkSums: 'always', onPeer: ({ entry }) => entries.push(entry) })
  const { dial, last } = dialling(() => server)
  const connection = device.link.connect({ dial, rights: { mayStop: false } })
  await settled(server, device)
  const [entry] = entries
  const route = last('control')
  if (!isActorRef<unknown>(entry) || !route) return t.fail()
  route.change = (frame) => {
    frame[20] = (frame[20] ?? 0) ^ 1
    return [frame]
  }
  entry.tell('damaged')
  await later(20, [server, device], 5)
  t.is(connection.state, 'open')
  t.deepEqual(received, ['damaged'])
  t.is(server.refusals.length, 0)
  await terminated(server, device)
})

test('a frame of a plain route that cannot be read ends the session with its code', async (t) => {
  const { server, end, nonce } = await challenged()
  end.say('hello', rawGreeting({ nonce }))
  await settled(server)
  end.send(encodeFrame({ ...plainFrame('data'), count: 1, first: 1, body: Uint8Array.of(1, 2, 3) }))
  await settled(server)
  t.is(end.closed, 'LINK_VALUE')
  await terminated(server)
})
