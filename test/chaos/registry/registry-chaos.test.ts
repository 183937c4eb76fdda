import test from 'ava'
import { registryChaos } from './registry-chaos.ts'

test('a server that is killed while its registry is away half of the time puts each kept round there, once', async (t) => {
  const seed = Math.floor(Math.random() * 2 ** 31)
  t.deepEqual(await registryChaos({ kills: 3, seed, rounds: 25, report: t.log }), [])
})
