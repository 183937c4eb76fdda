import test from 'ava'
import { serverChaos } from './server-chaos.ts'

for (const store of ['lmdb', 'mongodb'] as const)
  test.serial(
    `a server killed at random instants on ${store} loses nothing, and its jobs end with the same weights`,
    async (t) => {
      const seed = Math.floor(Math.random() * 2 ** 31)
      const report = (line: string) => t.log(line)
      t.deepEqual(await serverChaos({ store, kills: 5, seed, rounds: 100, report }), [], `seed ${seed}`)
    },
  )
