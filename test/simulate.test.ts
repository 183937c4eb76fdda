import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { type FinishedRun, runFlamectl } from './flamectl-process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const hashes = (run: FinishedRun) => [...run.rounds.values()]
const simulated = ['simulate', 'examples/trivial', '--json', '--devices', '500', '--speed', 'lognormal:1,0.5']
const buffered = [...simulated, '--set', 'optimizer=fedbuff,bufferSize=10,concurrency=20']

test.serial(
  'a simulation tells its rounds, its virtual hours and its result, and leaves a picture and its models',
  async (t) => {
    await using folder = await temporaryFolder()
    const [store, plot] = [join(folder.path, 'store'), join(folder.path, 'plot.svg')]
    const args = [...buffered, '--rounds', '5', '--dropout', '0.1']
    const run = await runFlamectl([...args, '--store', store, '--plot', plot])
    t.is(run.status, 0, run.err)
    t.is(run.rounds.size, 5)
    t.like(run.done, { rounds: 5, hash: hashes(run).at(-1), devices: 500, seed: 1, behaviour: { dropout: '0.1' } })
    const lines: readonly { readonly hours: number; readonly counted: number }[] = JSON.parse(
      `[${run.out.trim().split('\n').join()}]`,
    )
    t.true(lines.every(({ hours }, index) => hours > 0 && hours >= (lines[index - 1]?.hours ?? 0)))
    t.is(lines.at(-1)?.counted, 50)
    t.like(JSON.parse(await readFile(join(run.done?.model ?? '', 'round.json'), 'utf8')), {
      round: 5,
      hash: run.done?.hash,
    })
    t.regex(await readFile(plot, 'utf8'), /by virtual hours<[\s\S]*by round</)
    const other = await runFlamectl([...args, '--workers', '0'])
    t.deepEqual(hashes(other), hashes(run))
  },
)

test.serial('SIGINT stops a simulation with the command that goes on with it, to the same hashes', async (t) => {
  await using folder = await temporaryFolder()
  const args = [...buffered, '--workers', '0', '--rounds', '400']
  const calm = await runFlamectl(args)
  const store = ['--store', join(folder.path, 'store')]
  const stopped = await runFlamectl([...args, ...store], { signalAtFirstLine: 'SIGINT' })
  t.is(stopped.status, 130)
  t.regex(stopped.err, /stopped after round \d+, .*; to go on: flamectl simulate examples\/trivial .*--resume/)
  const again = await runFlamectl([...args, ...store])
  t.is(again.status, 2)
  t.regex(again.err, /SIMULATE_THERE[\s\S]*--resume/)
  const other = await runFlamectl([...args, ...store, '--resume', '--dropout', '0.2'])
  t.is(other.status, 2)
  t.regex(other.err, /SIMULATE_DIFFERS.*dropout nothing.*0\.2/)
  const resumed = await runFlamectl([...args, ...store, '--resume'])
  t.is(resumed.status, 0, resumed.err)
  t.is(resumed.done?.hash, calm.done?.hash)
  t.like(resumed.done, { rounds: 400 })
})

for (const [title, more, status, said] of [
  ['a negative speed', ['--speed', '-1'], 2, /BEHAVIOUR_SETTING.*-1, expected a number above 0/],
  ['a model that is not there', ['--availability', 'dirunal'], 2, /BEHAVIOUR_MODEL.*diurnal/],
  ['a topology without a top', ['--set', 'topology=ring'], 2, /SIMULATION_TOPOLOGY/],
  ['a trace that is not there', ['--trace', 'none.csv'], 2, /FILE_UNREADABLE.*none\.csv/],
  ['a fleet in which nobody is ever available', ['--trace', 'nobody'], 1, /SIMULATION_NOBODY/],
] as const)
  test.serial(`${title} ends with a message and its status`, async (t) => {
    await using folder = await temporaryFolder()
    const trace = join(folder.path, 'nobody')
    await writeFile(trace, 'device,attribute,value,end\n*,period,3600,\na,available,0,0\n')
    const run = await runFlamectl([
      ...simulated,
      '--workers',
      '0',
      ...more.map((word) => (word === 'nobody' ? trace : word)),
    ])
    t.is(run.status, status, run.err)
    t.regex(run.err, said)
    t.is(run.out, '')
  })
