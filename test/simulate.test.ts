import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { type FinishedRun, runFlamectl } from './flamectl-process.ts'
import { runChild } from './support/child-lines.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const hashes = (run: FinishedRun) => [...run.rounds.values()]
const simulated = ['simulate', 'examples/trivial', '--json', '--devices', '500', '--speed', 'lognormal:1,0.5']
const buffered = [...simulated, '--set', 'optimizer=fedbuff,bufferSize=10,concurrency=20']

test.serial(
  'a simulation tells its rounds, its virtual hours and its result, and leaves a picture and its models',
  async (t) => {
    await using folder = await temporaryFolder()
    const [store, plot] = [join(folder.path, 'store'), join(folder.path, 'plot.svg')]
    const args = [...buffered, '--rounds', '5', '--dropout', '0.1', '--aggregator-updates', '5/s']
    const run = await runFlamectl([...args, '--store', store, '--plot', plot])
    t.is(run.status, 0, run.err)
    t.is(run.rounds.size, 5)
    t.like(run.done, { rounds: 5, hash: hashes(run).at(-1), devices: 500, seed: 1, behaviour: { dropout: '0.1' } })
    t.like(run.done, { aggregatorLimits: { updates: ['5/s'] }, aggregators: [{ updates: 50, limiting: 'updates' }] })
    t.like(run.done, { saturatesFirst: { end: 'top-aggregator-0', resource: 'updates' } })
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
  ['a limit that is no number', ['--aggregator-updates', 'many'], 2, /SIMULATION_OPTION.*many.*500\/s/],
  [
    'a limit of a role that is not there',
    ['--aggregator-memory', 'server=1MB'],
    2,
    /SIMULATION_OPTION.*top-aggregator/,
  ],
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

test.serial('killed at any instant, a simulation goes on to the same hashes and virtual times', async (t) => {
  await using folder = await temporaryFolder()
  const args = [...buffered, '--workers', '0', '--rounds', '60', '--dropout', '0.1', '--upload', '1000']
  const facts = ({ done, lines }: FinishedRun) => [done?.hash, lines.at(-2)]
  const calm = await runFlamectl(args)
  const killing = [...args, '--store', join(folder.path, 'store'), '--resume']
  for (let afterMs = 1500; ; afterMs += 400) {
    const run = await runFlamectl(killing, { killAfterMs: afterMs })
    if (run.signal === 'SIGKILL') continue
    t.is(run.status, 0, run.err)
    t.deepEqual(facts(run), facts(calm))
    break
  }
})

test.serial('a comparison prints the figures of each variant, with their spread', async (t) => {
  await using folder = await temporaryFolder()
  const plot = join(folder.path, 'plot.svg')
  const common = [
    'simulate',
    'compare',
    'examples/fleet',
    '--devices',
    '200',
    '--rounds',
    '3',
    '--speed',
    'lognormal:20,1',
  ]
  const variants = ['--variant', 'rounds', '--variant', 'buffer=optimizer=fedbuff,bufferSize=10,concurrency=20']
  const run = await runFlamectl(
    [...common, ...variants, '--seeds', '2', '--at', '0.001,5', '--to', '0.05,0.999', '--workers', '0', '--plot', plot],
    {},
  )
  t.is(run.status, 0, run.err)
  const row = (name: string) => run.out.split('\n').find((line) => line.startsWith(name)) ?? ''
  t.regex(run.out, /^ +rounds +buffer\n/)
  t.regex(row('accuracy at the end'), / \d+\.\d+ % ± \d+\.\d+ % .* \d+\.\d+ % ± \d/)
  t.regex(row('hours to accuracy 0.999'), /not reached +not reached/)
  t.regex(row('hours to accuracy 0.05'), / \d+\.\d+ (s|min|h) ± \d/)
  t.regex(row('updates counted'), / 60 ± 0 +30 ± 0$/)
  t.regex(row('share of the slowest quarter'), / \d+\.\d % ± /)
  t.regex(await readFile(plot, 'utf8'), />rounds<[\s\S]*>buffer</)
  t.regex(run.err, /rounds, seed 1: .*\nbuffer, seed 1: .*\nrounds, seed 2: /)

  const programs = await runFlamectl([...common, ...variants, '--seeds', '1', '--json', '--workers', '0'])
  const lines: readonly object[] = programs.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.is(lines.length, 3)
  t.like(lines[0], { variant: 'rounds', seed: 1, counted: 60 })
  t.like(lines[2], { done: true, variants: { buffer: { 'updates counted': { count: 1, mean: 30, deviation: 0 } } } })
})

test.serial("FedScale's traces become a trace that a simulation takes, and a fault in a trace ends it", async (t) => {
  await using folder = await temporaryFolder()
  const inFolder = (name: string) => join(folder.path, name)
  await writeFile(
    inFolder('capacity.json'),
    '{"1":{"computation":20,"communication":8000},"2":{"computation":50,"communication":800}}',
  )
  await writeFile(inFolder('behave.json'), '{"1":{"active":[0],"inactive":[900],"finish_time":1000}}')
  const files = ['--capacities', inFolder('capacity.json'), '--availability', inFolder('behave.json'), '--devices', '3']
  const trace = inFolder('trace.csv')
  const converted = await runFlamectl(['simulate', 'convert', ...files, '--out', trace])
  t.is(converted.status, 0, converted.err)
  const text = await readFile(trace, 'utf8')
  t.is((await runFlamectl(['simulate', 'convert', ...files])).out, text)
  const traced = ['simulate', 'examples/trivial', '--json', '--workers', '0', '--devices', '20', '--rounds', '2']
  const run = await runFlamectl([...traced, '--trace', trace])
  t.is(run.status, 0, run.err)
  const [first] = run.lines
  t.like(first, { round: 1, lost: 0 })
  // A device without the speed that the others have.
  await writeFile(trace, `${text}ghost,upload,5,\n`)
  const gap = await runFlamectl([...traced, '--trace', trace])
  t.is(gap.status, 2)
  t.regex(gap.err, /TRACE_GAP.*ghost/)
  await writeFile(inFolder('behave.json'), '{"1":{"active":[0],"inactive":[],"finish_time":1000}}')
  const refused = await runFlamectl(['simulate', 'convert', ...files, '--out', trace])
  t.is(refused.status, 2)
  t.regex(refused.err, /FEDSCALE_FORM/)
  t.regex(await readFile(trace, 'utf8'), /ghost/)
})

test.serial('a simulation whose disk is full ends with a coded error', async (t) => {
  await using folder = await temporaryFolder()
  const mark = join(folder.path, 'full')
  await writeFile(mark, '')
  const main = fileURLToPath(new URL('../flamectl/main.js', import.meta.url))
  const filling = `${new URL('./support/filling-disk.js', import.meta.url)}?${new URLSearchParams({ mark })}`
  const full = await runChild(process.execPath, [
    ...['--import', filling, main, ...simulated, '--workers', '0', '--store', join(folder.path, 'store')],
  ])
  t.is(full.status, 1, full.err)
  t.regex(full.err, /error [A-Z]+_[A-Z_]+: .*(space|full|room)/)
  t.notRegex(full.err, /UNEXPECTED/)
})
