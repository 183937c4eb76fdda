import test from 'ava'
import { isNumber, seededScheduler, virtualClock } from '../../../runtime/index.ts'
import { numbers, pairTopology } from '../../../test/support/scripted-role.ts'
import { randomStream } from '../../random/random-stream.ts'
import { forSeeds, roleStage } from '../../testing/index.ts'
import { channelTagged, role } from '../role.ts'
import type { Channel } from './channel.ts'

const last = 12

/**
 * Sends 1 … last at the pace of one end, while the other ends crash twice each, and the sender `senderCrashes` times.
 */
async function run(seed: number, senderCrashes = 0): Promise<Map<string, number[][]>> {
  const attempts = new Map<string, number[][]>()
  let crashesLeft = senderCrashes
  const left = numbers('left', async (channel) => {
    await channel.awaitJoin()
    const crashAt = crashesLeft > 0 ? 1 + randomStream(seed, 'left', String(crashesLeft)).below(last) : undefined
    for (let n = 1; n <= last; n++) {
      if (n === crashAt) {
        crashesLeft -= 1
        throw new Error('a passing fault')
      }
      channel.broadcast(n, ['right-0', 'right-1', 'right-2'])
      await channel.recv('right-2')
    }
  })
  const right = numbers('right', async (channel, { end }) => {
    const received: number[] = []
    const before = attempts.get(end) ?? []
    attempts.set(end, [...before, received])
    const crashes = before.length < 2 && end !== 'right-2'
    const crashAt = crashes ? 1 + randomStream(seed, end, String(before.length)).below(last) : undefined
    while (received.at(-1) !== last) {
      const n = (await channel.recv('left-0')) ?? 0
      received.push(n)
      channel.send('left-0', n)
      if (received.length === crashAt) throw new Error('a passing fault')
    }
  })
  await using stage = roleStage({
    topology: pairTopology({ right: 3 }),
    roles: { left, right },
    system: { clock: virtualClock(), scheduler: seededScheduler(seed) },
  })
  for (const end of ['left-0', 'right-0', 'right-1', 'right-2']) {
    const { type } = await stage.ended(end)
    if (type !== 'task-completed') throw new Error(`${end} failed`)
  }
  return attempts
}

test('500 seeds: an end that restarts gets everything again from the first message on, in order, each once', async (t) => {
  await forSeeds(500, async (seed) => {
    for (const [end, received] of await run(seed)) {
      if (received.length !== (end === 'right-2' ? 1 : 3)) throw new Error(`${end} ran ${received.length} times`)
      for (const attempt of received)
        if (attempt.some((n, index) => n !== index + 1)) throw new Error(`${end} received ${attempt.join(' ')}`)
    }
  })
  t.pass()
})

test('500 seeds: from a sender that restarts too, everything of each start is received in order, each once', async (t) => {
  await forSeeds(500, async (seed) => {
    for (const [end, received] of await run(seed, 1 + (seed % 2))) {
      for (const attempt of received) {
        const isInOrder = attempt.every((n, index) => n === 1 || n === (attempt[index - 1] ?? 0) + 1)
        if (!isInOrder) throw new Error(`${end} received ${attempt.join(' ')}`)
      }
    }
  })
  t.pass()
})

type Numbers = Channel<number, number>

/** A role of `rounds` rounds over its one channel of numbers. */
function inRounds(name: string, rounds: number, round: (number: number, channel: Numbers, end: string) => unknown) {
  return role({
    name,
    open: (channel) => channel(channelTagged<number, number>(isNumber, 'use')),
    init: () => ({ round: 0 }),
    isState: (value): value is { round: number } => typeof value === 'object' && value !== null && 'round' in value,
    done: (state) => state.round === rounds,
    async round(state, { channels, end }) {
      await round(state.round + 1, channels, end)
      return { round: state.round + 1 }
    },
  })
}

/**
 * The sender's round 1 sends 7 to right-0, its rounds 2 to 5 need only right-1, and its round 5 sends 8 to right-0.
 * Once the sender is in round 5, right-0 crashes in round `crashesInRound` of its own. Returns the messages that
 * right-0 received.
 */
async function received(crashesInRound: number): Promise<number[]> {
  const messages: number[] = []
  let reachRound5 = () => {}
  const round5 = new Promise<void>((resolve) => {
    reachRound5 = resolve
  })
  let crashes = 1
  const left = inRounds('left', 5, async (number, channel) => {
    await channel.awaitJoin()
    if (number === 1) channel.send('right-0', 7, { keep: 'until-acknowledged' })
    channel.send('right-1', number)
    await channel.recv('right-1')
    if (number < 5) return
    reachRound5()
    channel.send('right-0', 8)
    await channel.recv('right-0')
  })
  const right = inRounds('right', 5, async (number, channel, end) => {
    if (end === 'right-1') return channel.send('left-0', (await channel.recv('left-0')) ?? 0)
    if (number > 2) return
    const crash = number === crashesInRound && crashes-- > 0
    if (number === 1) messages.push((await channel.recv('left-0')) ?? 0)
    if (crash) {
      await round5
      throw new Error('a passing fault')
    }
    if (number === 1) return
    messages.push((await channel.recv('left-0')) ?? 0)
    channel.send('left-0', 9)
  })
  await using stage = roleStage({ topology: pairTopology({ right: 2 }), roles: { left, right } })
  const { type } = await stage.ended('left-0')
  if (type !== 'task-completed') throw new Error('left-0 failed')
  return messages
}

test('a message kept until it is acknowledged comes again after many rounds of its sender', async (t) => {
  t.deepEqual(await received(1), [7, 7, 8])
})

test('once the round that took it has ended, such a message does not come again', async (t) => {
  t.deepEqual(await received(2), [7, 8])
})

test('a message that still waits comes again after a restart, though a later one of its sender was taken', async (t) => {
  const taken: number[] = []
  let crashes = 1
  const left = inRounds('left', 1, async (_, channel) => {
    await channel.awaitJoin()
    for (const n of [7, 8]) channel.send('right-0', n, { keep: 'until-acknowledged' })
    await channel.recv('right-0')
  })
  const right = inRounds('right', 2, async (number, channel) => {
    const wanted = number === 1 ? 8 : 7
    for (;;) {
      if (number === 2 && crashes-- > 0) throw new Error('a passing fault')
      const arrival = channel.take(({ message }) => message === wanted)
      if (arrival) break
      await channel.changed()
    }
    taken.push(wanted)
    if (number === 2) channel.send('left-0', 9)
  })
  await using stage = roleStage({ topology: pairTopology({ right: 1 }), roles: { left, right } })
  t.is((await stage.ended('left-0')).type, 'task-completed')
  t.deepEqual(taken, [8, 7])
})
