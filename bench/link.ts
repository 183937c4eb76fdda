import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type DialRoute, dialThroughHub } from '../runtime/index.ts'
import { dialMqtt } from '../runtime/link/mqtt/index.ts'
import { dialWebSocket } from '../runtime/link/ws/index.ts'
import { mosquitto } from '../test/support/mosquitto.ts'
import type { Suite } from './figure.ts'
import { turnMessages, weightCount } from './link/bench-messages.ts'
import { startChild } from './link/child.ts'
import { answerOf, cpuNanoseconds, dialOf, type Joined, join, quantile, rawSocket } from './link/client.ts'
import { jsonMessages, linkTells, rawBatches } from './link/tells.ts'
import { median } from './median.ts'

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1000
}

/** Medians of several pieces of work, which run in turn, so that a change in the machine's speed meets all. */
async function mediansOf<Name extends string>(
  works: Readonly<Record<Name, () => Promise<number>>>,
  rounds: number,
): Promise<(name: Name) => number> {
  const answers = new Map<string, number[]>()
  for (let round = -1; round < rounds; round++)
    for (const name in works) {
      const answer = await works[name]()
      if (round >= 0) answers.set(name, [...(answers.get(name) ?? []), answer])
    }
  return (name) => median(Float64Array.from(answers.get(name) ?? []))
}

/** Measures the link between processes, beside bare WebSockets. */
export const linkSuite: Suite = async (report) => {
  await messages(report)
  await weightsThereAndBack(report)
  await roundInProcesses(report)
  await ways(report)
  await besideBulk(report, 20e6)
  await besideBulk(report, 2e6)
  await serverMemory(report)
  await manyNodes(report)
}

/** Tells and asks over one WebSocket, and cuts of it. */
const messages: Suite = async (report) => {
  await using server = await startChild('server-process')
  await using joined = await join(dialOf(server.ready))
  const socket = await rawSocket(server.ready)
  const ask = () => joined.ask((replyTo) => ({ type: 'echo', replyTo }))

  const masking = await rawSocket(server.ready, true)
  const count = 320 * turnMessages
  const works = {
    link: () => linkTells(joined, count),
    raw: () => rawBatches(masking, count),
    unmasked: () => rawBatches(socket, count),
    json: () => jsonMessages(masking, count / 8),
  }
  const rates = await mediansOf(works, 15)
  const value = rates('link')
  for (const [name, kind] of [
    ['link.tell', 'raw'],
    ['link.tell-beside-unmasked', 'unmasked'],
    ['link.tell-beside-json', 'json'],
  ] as const)
    report({ figure: name, value, unit: 'messages/s', baseline: rates(kind), ratio: value / rates(kind) })

  /** Processor time of both processes, which other programs disturb less than the rate. */
  const processorTime = async (work: () => Promise<unknown>, messagesSent: number) => {
    const before = (await server.call('cpuNanoseconds')) + cpuNanoseconds()
    await work()
    return ((await server.call('cpuNanoseconds')) + cpuNanoseconds() - before) / messagesSent
  }
  const costs = await mediansOf(
    {
      link: () => processorTime(works.link, count),
      raw: () => processorTime(works.raw, count),
      json: () => processorTime(works.json, count / 8),
    },
    7,
  )
  for (const [name, kind] of [
    ['link.tell-processor', 'raw'],
    ['link.tell-processor-beside-json', 'json'],
  ] as const)
    report({
      figure: name,
      value: costs('link'),
      unit: 'ns',
      baseline: costs(kind),
      ratio: costs(kind) / costs('link'),
    })
  masking.terminate()

  const pings = { own: new Array<number>(), raw: new Array<number>() }
  for (let ping = 0; ping < 2000; ping++) {
    pings.own.push(await seconds(ask))
    pings.raw.push(
      await seconds(async () => {
        const answer = answerOf(socket)
        socket.send(JSON.stringify({ ping: true }))
        await answer
      }),
    )
  }
  for (const [name, part] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const [own, bare] = [quantile(pings.own, part) * 1000, quantile(pings.raw, part) * 1000]
    report({ figure: `link.ask-${name}`, value: own, unit: 'ms', baseline: bare, ratio: bare / own })
  }

  const lost: number[] = []
  for (let cut = 0; cut < 30; cut++) {
    await ask()
    await server.call('cut')
    lost.push((await seconds(ask)) * 1000)
    await setTimeout(20)
  }
  report({ figure: 'link.cut', value: quantile(lost, 0.5), unit: 'ms' })
  report({ figure: 'link.cut-p95', value: quantile(lost, 0.95), unit: 'ms' })
  socket.terminate()
}

/**
 * Weights there and back. Each kind has a server and a client of its own, so that the garbage of one isn't collected in
 * the time of the other. They take turns.
 */
async function weightsThereAndBack(report: Parameters<Suite>[0]): Promise<void> {
  await using linked = await startChild('server-process')
  await using plain = await startChild('server-process')
  await using node = await startChild('weights-process', ['link', linked.ready])
  await using socket = await startChild('weights-process', ['raw', plain.ready])
  const times = await mediansOf({ link: () => node.call('exchange'), raw: () => socket.call('exchange') }, 60)
  const [own, bare] = [times('link') * 1000, times('raw') * 1000]
  report({ figure: 'link.weights', value: own, unit: 'ms', baseline: bare, ratio: bare / own })
}

/**
 * A round of the main job whose tasks are in 8 processes, beside the same in one process with 2 workers; by the median
 * of the rounds after the first, and the difference for each of a round's updates.
 */
async function roundInProcesses(report: Parameters<Suite>[0]): Promise<void> {
  const main = fileURLToPath(new URL('../flamectl/main.js', import.meta.url))
  const [rounds, updates] = [8, 10]
  const roundSeconds = async (...options: readonly string[]): Promise<number> => {
    const store = await mkdtemp(`${tmpdir()}/flame-`)
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [main, 'run', 'examples/mnist', '--json', '--store', store, '--set', `rounds=${rounds}`, ...options],
      { cwd: fileURLToPath(new URL('../../', import.meta.url)) },
    )
    await rm(store, { recursive: true, maxRetries: 10 })
    const seconds = stdout.split('\n').flatMap((line) => {
      const { round, seconds }: { round?: number; seconds?: number } = line ? JSON.parse(line) : {}
      return round !== undefined && round > 1 && seconds !== undefined ? [seconds] : []
    })
    return median(Float64Array.from(seconds))
  }
  const times = await mediansOf(
    { hosts: () => roundSeconds('--hosts', 'processes:8'), workers: () => roundSeconds('--workers', '2') },
    3,
  )
  const [hosts, workers] = [times('hosts') * 1000, times('workers') * 1000]
  report({ figure: 'link.round', value: hosts, unit: 'ms', baseline: workers, ratio: workers / hosts })
  report({ figure: 'link.round-overhead', value: (hosts - workers) / updates, unit: 'ms an update' })
}

/** Joins a server of its own, which nodes reach by a relay. */
async function joinBehind(relay: string, dial: DialRoute): Promise<Joined> {
  const server = await startChild('server-process', [2, relay])
  const joined = await join(dial, 'device')
  return {
    ...joined,
    async [Symbol.asyncDispose]() {
      await joined[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Tells by way of a hub and of brokers in processes of their own, beside the same over a WebSocket to the server. */
async function ways(report: Parameters<Suite>[0]): Promise<void> {
  await using hub = await startChild('relay-process', ['hub'])
  await using broker = await startChild('relay-process', ['broker'])
  const atHub = `ws://127.0.0.1:${hub.ready}`
  const atBroker = `mqtt://127.0.0.1:${broker.ready}`
  await using direct = await startChild('server-process')
  await using mosquittoBroker = await mosquitto({ users: { server: 'server', device: 'device' } })
  const access = { node: 'device', to: 'server', username: 'device', password: 'device' }
  await using overWs = await join(dialOf(direct.ready))
  await using overHub = await joinBehind(atHub, dialThroughHub(dialWebSocket(atHub, { isRelayed: true }), 'server'))
  await using overBroker = await joinBehind(atBroker, dialMqtt(atBroker, access))
  await using overMosquitto = await joinBehind(mosquittoBroker.url, dialMqtt(mosquittoBroker.url, access))
  const count = 80 * turnMessages
  const rates = await mediansOf(
    {
      ws: () => linkTells(overWs, count),
      hub: () => linkTells(overHub, count),
      broker: () => linkTells(overBroker, count),
      mosquitto: () => linkTells(overMosquitto, count),
    },
    15,
  )
  for (const way of ['hub', 'broker', 'mosquitto'] as const)
    report({
      figure: `link.tell-by-${way}`,
      value: rates(way),
      unit: 'messages/s',
      baseline: rates('ws'),
      ratio: rates(way) / rates('ws'),
    })
}

/** Asks while weights are sent over a narrow way, beside asks on the idle way, and beside weights that are sent bare. */
async function besideBulk(report: Parameters<Suite>[0], bytesPerSecond: number): Promise<void> {
  await using server = await startChild('server-process')
  await using proxy = await startChild('throttling-proxy', [server.ready, bytesPerSecond, 10])
  await using joined = await join(dialOf(proxy.ready))
  const name = `${bytesPerSecond / 1e6}-mb-per-second`
  const forMs = bytesPerSecond > 1e7 ? 8000 : 24_000
  const weights = new Float32Array(weightCount)
  const bytes = weights.byteLength
  const ask = () => joined.ask((replyTo) => ({ type: 'echo', replyTo }))
  const asks = async (until: () => boolean) => {
    const taken: number[] = []
    while (!until()) {
      taken.push((await seconds(ask)) * 1000)
      await setTimeout(5)
    }
    return taken
  }
  const after = (ms: number) => {
    const end = performance.now() + ms
    return () => performance.now() > end
  }
  const sendFor = async (ms: number, send: () => Promise<unknown>): Promise<number> => {
    const isOver = after(ms)
    let sent = 0
    const began = performance.now()
    // Two at a time, as a sender that has the next update ready.
    const sender = async () => {
      while (!isOver()) {
        await send()
        sent += 1
      }
    }
    await Promise.all([sender(), sender()])
    return (1000 * sent * bytes) / (performance.now() - began)
  }
  const bulk = () => joined.entry.offer({ type: 'update', weights, isAdded: false })
  const socket = await rawSocket(proxy.ready)
  const sentBare: (() => void)[] = []
  socket.on('message', () => sentBare.shift()?.())
  const bare = () => {
    socket.send(new Uint8Array(weights.buffer, 0, bytes - 4))
    return new Promise<void>((resolve) => sentBare.push(resolve))
  }

  // The bulk route is dialled with the first large message.
  await bulk()
  const idle = await asks(after(forMs / 4))
  const bareRate = await sendFor(forMs / 2, bare)
  const isOver = after(forMs)
  const [rate, beside] = await Promise.all([sendFor(forMs, bulk), asks(isOver)])
  for (const [quantileName, part] of [
    ['p50', 0.5],
    ['p99', 0.99],
  ] as const) {
    const [value, baseline] = [quantile(beside, part), quantile(idle, part)]
    report({
      figure: `link.control-under-bulk-${quantileName}-${name}`,
      value,
      unit: 'ms',
      baseline,
      ratio: baseline / value,
    })
  }
  report({ figure: `link.bulk-rate-${name}`, value: rate, unit: 'B/s', baseline: bareRate, ratio: rate / bareRate })
  socket.terminate()
}

/** The server's peak while many nodes send an update at once, each with a server of its own. */
async function serverMemory(report: Parameters<Suite>[0]): Promise<void> {
  const peaks = async (senders: number, slots: number): Promise<{ readonly mib: number; readonly taken: number }> => {
    await using server = await startChild('server-process', [slots])
    await using nodes = await startChild('senders-process', [server.ready, 8])
    await using joined: Joined = await join(dialOf(server.ready))
    await nodes.call('join', senders)
    const answer = joined.ask((replyTo) => ({ type: 'expect', count: senders, replyTo }))
    await joined.ask((replyTo) => ({ type: 'echo', replyTo }))
    const taken = await seconds(async () => {
      await nodes.call('send')
      await answer
    })
    return { mib: (await server.call('peakBytes')) / 2 ** 20, taken }
  }
  const cases = { few: () => peaks(4, 2), many: () => peaks(64, 2), unbounded: () => peaks(64, 0) }
  const found = { few: new Array<number>(), many: new Array<number>(), unbounded: new Array<number>() }
  const times = { few: new Array<number>(), many: new Array<number>(), unbounded: new Array<number>() }
  for (let round = 0; round < 5; round++)
    for (const name of ['few', 'many', 'unbounded'] as const) {
      const { mib, taken } = await cases[name]()
      found[name].push(mib)
      times[name].push(taken)
    }
  const [few, many, unbounded] = [found.few, found.many, found.unbounded].map((values) => quantile(values, 0.5))
  const [time, timeUnbounded] = [times.many, times.unbounded].map((values) => quantile(values, 0.5))
  if (few === undefined || many === undefined || unbounded === undefined || !time || !timeUnbounded) return
  report({ figure: 'link.server-memory-growth', value: many - few, unit: 'MiB', baseline: unbounded - few })
  report({ figure: 'link.server-memory-64', value: many, unit: 'MiB', baseline: unbounded, ratio: unbounded / many })
  report({
    figure: 'link.server-memory-seconds',
    value: time,
    unit: 's',
    baseline: timeUnbounded,
    ratio: timeUnbounded / time,
  })
}

/** Nodes that join, and then do nothing. */
async function manyNodes(report: Parameters<Suite>[0]): Promise<void> {
  const count = 1000
  await using server = await startChild('server-process')
  await using nodes = await startChild('senders-process', [server.ready, 64])
  await nodes.call('join', count)
  const before = await server.call('usedBytes')
  const rates: number[] = []
  const costs: number[] = []
  for (let round = 0; round < 3; round++) {
    const nanoseconds = await server.call('cpuNanoseconds')
    rates.push(count / (await nodes.call('join', count)))
    costs.push(((await server.call('cpuNanoseconds')) - nanoseconds) / count / 1e6)
  }
  report({ figure: 'link.join', value: quantile(rates, 0.5), unit: 'nodes/s' })
  report({ figure: 'link.join-processor', value: quantile(costs, 0.5), unit: 'ms of the server' })
  const used = (await server.call('usedBytes')) - before
  report({ figure: 'link.idle-heap', value: used / (3 * count), unit: 'B' })
  const overMs = 60_000
  const cpu = await server.call('cpuSeconds', overMs)
  report({ figure: 'link.idle-cpu-ms-per-minute', value: (cpu * 1000) / 4, unit: 'ms for 1,000 links' })
}
