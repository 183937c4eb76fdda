import test from 'ava'
import { linkChaos } from './link-chaos.ts'

for (const [title, transport, isFaulty] of [
  ['over WebSocket', 'ws', false],
  ['over a broker', 'mqtt', false],
  ['through a network that cuts and damages', 'ws', true],
] as const)
  test.serial(`processes of a job are killed at random instants ${title}, and its weights are the same`, async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const report = (line: string) => t.log(line)
    t.deepEqual(await linkChaos({ transport, kills: 4, seed, rounds: 40, isFaulty, report }), [], `seed ${seed}`)
  })
