import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import trivial from '../examples/trivial/workload.ts'
import { weightsHash } from '../sdk/index.ts'
import { runFlamectl } from '../test/flamectl-process.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'
import { wardFiles } from '../test/support/ward-files.ts'
import { plot } from './plot.ts'
import { type JobRound, type RunJobOptions, runJob } from './run-job.ts'

const module = new URL('../../examples/trivial/workload.ts', import.meta.url)
const settings = { rounds: 3, clients: 20, fraction: 0.5 }
const hashes = (rounds: readonly { readonly hash: string }[]) => rounds.map(({ hash }) => hash)

test('a program and flamectl run give the same hashes and the same picture, with threads and without', async (t) => {
  await using folder = await temporaryFolder()
  const inline = await runJob(trivial, { settings, seed: 7 })
  const { state, history } = await inline.result
  t.is(state, 'completed')
  t.deepEqual(
    history.map(({ round, members }) => [round, members.length]),
    [
      [1, 10],
      [2, 10],
      [3, 10],
    ],
  )
  const threads = await runJob(module.href, { settings, seed: 7, workers: 2 })
  t.deepEqual(hashes((await threads.result).history), hashes(history))
  const set = 'rounds=3,clients=20,fraction=0.5'
  const args = ['run', fileURLToPath(module), '--json', '--seed', '7', '--store', folder.path, '--set', set]
  const picture = join(folder.path, 'run.svg')
  const { rounds, err } = await runFlamectl([...args, '--plot', picture])
  t.deepEqual([...rounds.values()], hashes(history), err)
  t.is(await readFile(picture, 'utf8'), plot(history, { title: 'trivial-1' }))
  const refused = await runFlamectl([...args, '--plot', join(folder.path, 'nowhere', 'run.svg')])
  t.regex(refused.err, /RUN_PLOT/)
  t.is(refused.rounds.size, 0)
})

test('a run is iterated round by round, whose weights are read on demand and have the hash of the round', async (t) => {
  const heard: number[] = []
  const run = await runJob(trivial, { settings, onRound: ({ round }) => void heard.push(round) })
  const iterated: JobRound[] = []
  for await (const round of run) iterated.push(round)
  t.deepEqual(heard, [1, 2, 3])
  t.deepEqual(iterated, (await run.result).history)
  for (const round of iterated) t.is(await weightsHash(await round.weights()), round.hash)
})

test('a run that is stopped says so and keeps its history; the same run on its folder goes on to the same hashes', async (t) => {
  await using folder = await temporaryFolder()
  const whole = await (await runJob(trivial, { settings })).result
  const first = await runJob(trivial, { settings, store: folder.path })
  for await (const { round } of first) if (round === 1) await first.stop()
  const stopped = await first.result
  t.is(stopped.state, 'stopped')
  const second = await (await runJob(trivial, { settings, store: folder.path })).result
  t.is(second.state, 'completed')
  t.deepEqual(hashes(second.history), hashes(whole.history))
  // The run has ended already, and its history is still there.
  const third = await (await runJob(trivial, { settings, store: folder.path })).result
  t.deepEqual(hashes(third.history), hashes(whole.history))
})

test('a program that is killed goes on from its folder, to the same hashes', async (t) => {
  await using folder = await temporaryFolder()
  const program = `
    import { runJob } from ${JSON.stringify(new URL('index.js', import.meta.url).href)}
    await runJob(${JSON.stringify(fileURLToPath(module))}, {
      settings: ${JSON.stringify(settings)}, workers: 2, store: ${JSON.stringify(folder.path)},
      onRound: ({ round }) => round === 2 && process.kill(process.pid, 'SIGKILL'),
    })`
  const killed = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  const signal = await new Promise((resolve) => killed.on('close', (_, by) => resolve(by)))
  t.is(signal, 'SIGKILL')
  const { state, history } = await (await runJob(module, { settings, workers: 0, store: folder.path })).result
  t.is(state, 'completed')
  t.deepEqual(hashes(history), hashes((await (await runJob(trivial, { settings })).result).history))
})

test('a folder refuses a run of other settings, names the first, and lets a run have more rounds', async (t) => {
  await using folder = await temporaryFolder()
  await (await runJob(trivial, { settings, store: folder.path })).result
  const again = (change: object, seed = 1) =>
    runJob(trivial, { settings: { ...settings, ...change }, seed, store: folder.path })
  const differing: readonly (readonly [object, number, RegExp])[] = [
    [{ fraction: 1 }, 1, /fraction 0\.5, but fraction is now 1/],
    [{ rounds: 2 }, 1, /rounds 3, but rounds is now 2/],
    [{}, 2, /seed 1, but seed is now 2/],
  ]
  for (const [change, seed, message] of differing)
    await t.throwsAsync(again(change, seed), { code: 'SIMULATION_DIFFERS', message })
  const { history } = await (await again({ rounds: 4 })).result
  t.is(history.length, 4)
})

test('a folder refuses a run of another algorithm, and takes the same one however it is written', async (t) => {
  await using folder = await temporaryFolder()
  const run = (rounds: number, algorithms: RunJobOptions['algorithms']) =>
    runJob(trivial, { settings: { ...settings, rounds }, store: folder.path, ...(algorithms && { algorithms }) })
  await (await run(1, { optimizer: { sort: 'fedadam', kwargs: { beta1: 0.5, eta: 0.1 } } })).result
  const same = { optimizer: { sort: 'fedadam', kwargs: { eta: 0.1, beta_1: 0.5 } }, privacy: { sort: 'default' } }
  t.is((await (await run(2, same)).result).history.length, 2)
  const values = { setting: 'the optimizer', began: 'fedadam,beta1=0.5,eta=0.1', given: 'none' }
  t.like(await t.throwsAsync(run(3, undefined)), { code: 'SIMULATION_DIFFERS', values })
  const selector = { sort: 'default' }
  t.like(await t.throwsAsync(run(3, { ...same, selector })), {
    code: 'SIMULATION_DIFFERS',
    values: { setting: 'the selector', began: 'none', given: 'default' },
  })
})

test('a job that fails has the cause in its result, and throws it where it is iterated', async (t) => {
  const broken = {
    ...trivial,
    learner: async () => ({
      ...(await trivial.learner(trivial.settings)),
      train: () => Promise.reject(new Error('no power')),
    }),
  }
  const run = await runJob(broken, { settings })
  const failed = await run.result
  t.like(failed, { state: 'failed', cause: { code: 'ROLE_TOO_FEW_UPDATES' }, history: [] })
  await t.throwsAsync(
    async () => {
      for await (const _ of run);
    },
    { code: 'ROLE_TOO_FEW_UPDATES' },
  )
})

test('an error of onRound fails the run with that error', async (t) => {
  const run = await runJob(trivial, {
    settings,
    onRound: () => {
      throw new Error('the disk of the program is full')
    },
  })
  t.like(await run.result, { state: 'failed', cause: { message: 'the disk of the program is full' } })
})

test('bad input is refused before anything runs', async (t) => {
  await t.throwsAsync(runJob(trivial, { workers: 2 }), { code: 'SIMULATION_WORKERS' })
  for (const workers of [-1, 1.5, Number.NaN])
    await t.throwsAsync(runJob(trivial, { workers }), { code: 'SIMULATION_OPTION', message: /workers/ })
  for (const last of [0, -1, 0.5])
    await t.throwsAsync(runJob(trivial, { keep: { last, best: 1 } }), { code: 'SIMULATION_OPTION', message: /keep/ })
  await t.throwsAsync(runJob(trivial, { store: '' }), { code: 'SIMULATION_OPTION', message: /store/ })
  const misspelt = { selector: undefined, optimiser: { sort: 'fedadam' } }
  await t.throwsAsync(runJob(trivial, { algorithms: misspelt }), {
    code: 'STRATEGY_KIND',
    message: /did you mean optimizer/,
  })
  const kwarg = { sort: 'fedadam', kwarg: { eta: 1 } }
  await t.throwsAsync(runJob(trivial, { algorithms: { optimizer: kwarg } }), { code: 'STRATEGY_CHOICE' })
  await t.throwsAsync(runJob(trivial, { seed: -1 }), { code: 'JOB_SEED' })
  await t.throwsAsync(runJob(trivial, { settings: { rounds: 0 } }), { code: 'WORKLOAD_VALUE' })
  await t.throwsAsync(runJob(trivial, { settings: { topology: 'star' } }), { code: 'WORKLOAD_VALUE' })
  const alone = {
    schema: {
      name: 'alone',
      roles: [{ name: 'thinker', isDataConsumer: true }],
      channels: [{ name: 'talk', pair: ['thinker', 'thinker'], funcTags: { thinker: ['think'] } }],
    },
    dataSpec: [{ role: 'thinker', datasetGroups: { default: ['0', '1'] } }],
  }
  await t.throwsAsync(runJob({ ...trivial, topology: () => alone }), {
    code: 'JOB_ROLE_UNKNOWN',
    message: /role thinker/,
  })
  await t.throwsAsync(runJob('/no/such/workload'), { code: 'WORKLOAD_MISSING' })
  await t.throwsAsync(runJob({ ...trivial, name: 'Not a name' }), { code: 'SIMULATION_WORKLOAD' })
})

test('data are read where they are asked for: of clients and of the test set, in threads and without', async (t) => {
  await using folder = await temporaryFolder()
  const data = await wardFiles(folder.path, 3)
  const wards = new URL('../test/support/wards.workload.js', import.meta.url)
  const [inline, threads] = await Promise.all(
    [0, 2].map(async (workers) => (await runJob(wards, { workers, data })).result),
  )
  t.is(inline?.state, 'completed')
  t.deepEqual(hashes(threads?.history ?? []), hashes(inline?.history ?? []))
  t.is(inline?.history.length, 3)

  const { 1: _, ...others } = data
  const failed = await (await runJob(wards, { workers: 0, data: others, settings: { rounds: 1 } })).result
  t.is(failed.state, 'completed', 'the round goes on without the client whose data are elsewhere')
  t.deepEqual(failed.history[0]?.members, ['trainer-0', 'trainer-2'])
})
