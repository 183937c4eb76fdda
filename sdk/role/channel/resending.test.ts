import test from 'ava'
import { seededScheduler, virtualClock } from '../../../runtime/index.ts'
import { roleStage } from '../../../test/support/role-stage.ts'
import { numbers, pairTopology } from '../../../test/support/scripted-role.ts'
import { forSeeds } from '../../../test/support/seeds.ts'
import { randomStream } from '../../random/random-stream.ts'

const last = 12

/** Sends 1 … last at the pace of one end, while the others crash twice each; the sender too, if it's to. */
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
