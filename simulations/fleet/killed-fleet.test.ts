import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import test from 'ava'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'

const simulations = new URL('../index.js', import.meta.url).href
const workload = new URL('../../examples/trivial/workload.js', import.meta.url).href
const sdk = new URL('../../sdk/index.js', import.meta.url).href

/** A program that simulates a fleet on a folder, and prints each round. */
const program = `
import { behaviourFrom, simulate } from ${JSON.stringify(simulations)}
import trivial from ${JSON.stringify(workload)}
import { fedBuff } from ${JSON.stringify(sdk)}
const [store] = process.argv.slice(1)
const behaviour = behaviourFrom({ availability: 'diurnal', speed: 'lognormal:1,0.5', dropout: '0.1' }, { seed: 3 })
const strategy = () => fedBuff({ bufferSize: 20, concurrency: 40 })
const run = await simulate({ ...trivial, strategy }, { devices: 500, settings: { rounds: 12 }, behaviour, store, checkpointEvery: 2 })
for await (const { round, at, hash } of run) console.log(JSON.stringify([round, at, hash]))
`

/** The rounds that the program prints. It is killed at the line of a round, if there is one. */
async function rounds(store: string, killedAt?: number): Promise<readonly unknown[]> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, store], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const printed: unknown[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(JSON.parse(line))
    if (printed.length === killedAt) child.kill('SIGKILL')
  }
  return printed
}

test('a fleet whose process is killed goes on to the same bits and virtual times', async (t) => {
  await using whole = await temporaryFolder()
  await using killed = await temporaryFolder()
  const expected = await rounds(whole.path)
  t.is(expected.length, 12)
  for (const killedAt of [1, 3, 4, 8, 9, 11]) await rounds(killed.path, killedAt)
  t.deepEqual(await rounds(killed.path), expected)
})
