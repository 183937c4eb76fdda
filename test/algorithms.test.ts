import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { runFlamectl } from './flamectl-process.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

function running(folder: string) {
  return (...more: readonly string[]) =>
    runFlamectl(['run', 'examples/trivial', '--json', '--workers', '0', '--store', folder, ...more])
}

test('run takes another algorithm than the workload’s, resumes with it, and refuses to resume with a third', async (t) => {
  await using folder = await temporaryFolder()
  const run = running(folder.path)
  const settings = 'rounds=4,clients=6,fraction=1'
  const plain = await running(join(folder.path, 'plain'))('--set', settings)
  const killed = await runFlamectl(
    [
      ...['run', 'examples/trivial', '--json', '--workers', '0', '--store', folder.path],
      ...['--set', settings, '--set', 'optimizer=fedadam,eta=0.05,beta1=0.8,selector=random,k=4'],
    ],
    { signalAtFirstLine: 'SIGKILL' },
  )
  t.not(killed.rounds.get(1), plain.rounds.get(1))
  const other = await run('--resume', '--set', 'optimizer=krum,f=0')
  t.is(other.status, 2)
  t.regex(other.err, /RUN_RESUME_DIFFERS: job trivial-1 began with optimizer .*fedadam/)
  const resumed = await run('--resume', '--set', 'optimizer=fedadam,beta_1=0.80,eta=.05')
  t.is(resumed.done?.rounds, 4, resumed.err)
  const whole = await running(join(folder.path, 'whole'))(
    ...['--set', settings, '--set', 'optimizer=fedadam,eta=0.05,beta1=0.8,selector=random,k=4'],
  )
  t.is(resumed.done?.hash, whole.done?.hash)
})

test('an algorithm or a setting that there is not is refused with those that were meant, and nothing is written', async (t) => {
  await using folder = await temporaryFolder()
  const run = running(folder.path)
  for (const [set, message] of [
    ['optimizer=fedadm', /STRATEGY_UNKNOWN: .*did you mean fedadam/],
    ['optimizer=fedadam,etta=1', /STRATEGY_SETTING_UNKNOWN: .*did you mean eta/],
    ['optimizer=fedadam,eta=0', /STRATEGY_SETTING: fedadam: eta is 0, expected a number above 0/],
    ['optimizer=krum,f=0,topology=hierarchical', /STRATEGY_SETTING_UNKNOWN: krum has no setting topology/],
    ['selector=fedbuff,c=2', /STRATEGY_MISFIT/],
  ] as const) {
    const refused = await run('--set', set)
    t.is(refused.status, 2, set)
    t.regex(refused.err, message, set)
  }
  const inTree = await run('--set', 'topology=hierarchical', '--set', 'optimizer=krum,f=0')
  t.regex(inTree.err, /STRATEGY_TOPOLOGY: krum needs each contribution/)
  t.deepEqual(await readdir(folder.path), [])
})
