import { readdir } from 'node:fs/promises'
import test from 'ava'
import { flameletStage, type ServerLine, startProcess, staysRunning } from '../test/support/flamelet-stage.ts'
import { keyFolder } from './code/keys.ts'
import { readReport } from './flamelet-state.ts'

const round = (number: number) => (line: ServerLine) => line.type === 'round' && line.round === number
const refusal = (line: ServerLine) => line.type === 'not-hosting'

/** The code of the error in a refusal that the job shows. */
function codeOf({ cause }: ServerLine): string {
  return /"code":"(\w+)"/.exec(JSON.stringify(cause))?.[1] ?? JSON.stringify(cause)
}

const wards = new URL('../test/support/wards.workload.js', import.meta.url)

test.serial('trainers on devices, in processes of their own and without, give the hashes of one process', async (t) => {
  await using stage = await flameletStage({ clients: 3 })
  stage.join({ name: 'clinic', data: ['0', '2'] })
  stage.join({ name: 'ward', data: ['1'], args: ['--isolation', 'none'] })
  t.deepEqual(await stage.hashes(), await stage.inOneProcess())
  t.is(stage.server.lines.filter(({ type }) => type === 'notice').length, 0)
})

test.serial(
  'a flamelet that is killed leaves no process, and goes on to the same hashes when it joins again',
  async (t) => {
    await using stage = await flameletStage({ rounds: 5, pauseMs: 200 })
    const first = stage.join({ name: 'clinic', data: ['0', '1'] })
    await stage.server.line(round(2))
    const { processes, incarnation } = await readReport(stage.stateOf('clinic'))
    t.is(processes.length, 2)
    await first.end('SIGKILL')
    stage.join({ name: 'clinic', data: ['0', '1'] })
    t.deepEqual(await stage.hashes(), await stage.inOneProcess())
    t.is((await readReport(stage.stateOf('clinic'))).incarnation, incarnation + 1)
    for (const { pid } of processes) t.false(await staysRunning(pid))
  },
)

test.serial('a task whose process is killed goes on in another, and the job says so', async (t) => {
  await using stage = await flameletStage({ rounds: 4, pauseMs: 200 })
  stage.join({ name: 'clinic', data: ['0', '1'] })
  await stage.server.line(round(1))
  const { processes } = await readReport(stage.stateOf('clinic'))
  process.kill(processes[0]?.pid ?? 0, 'SIGKILL')
  t.deepEqual(await stage.hashes(), await stage.inOneProcess())
  const notices = stage.server.lines.filter(({ type }) => type === 'notice')
  t.regex(JSON.stringify(notices), /FLAMELET_TASK_ENDED.*once.*SIGKILL/)
})

test.serial('a trainer that keeps nothing may lose its process again and again, if it trains in between', async (t) => {
  await using stage = await flameletStage({ clients: 1, rounds: 8, pauseMs: 200 })
  stage.join({ name: 'clinic', data: ['0'] })
  for (const number of [1, 3, 5]) {
    await stage.server.line(round(number))
    const { processes } = await readReport(stage.stateOf('clinic'))
    t.is(processes.length, 1)
    process.kill(processes[0]?.pid ?? 0, 'SIGKILL')
  }
  t.deepEqual(await stage.hashes(), await stage.inOneProcess())
  t.is(stage.server.lines.filter(({ type }) => type === 'not-hosting').length, 0)
  const notices = stage.server.lines.filter(({ type }) => type === 'notice')
  t.regex(JSON.stringify(notices), /FLAMELET_TASK_ENDED.*FLAMELET_TASK_ENDED.*FLAMELET_TASK_ENDED/)
})

test.serial('a server that is killed finds its flamelets again, and the job ends with the same hashes', async (t) => {
  await using stage = await flameletStage({ rounds: 5, pauseMs: 200 })
  const flamelet = stage.join({ name: 'clinic', data: ['0', '1'] })
  await stage.server.line(round(2))
  await stage.killServer()
  t.deepEqual(await stage.hashes(), await stage.inOneProcess())
  t.is(flamelet.lines.filter(({ state }) => state === 'joined').length, 2)
})

test.serial(
  'SIGTERM hands tasks back, tells the server, and ends with 0; then the job goes on elsewhere',
  async (t) => {
    await using stage = await flameletStage({ rounds: 6, pauseMs: 200 })
    const args = ['--state', stage.stateOf('clinic')]
    const status = async () => {
      const asked = startProcess(process.execPath, [...flameletProgram, 'status', '-o', 'json', ...args])
      await asked.ended
      const report: object = JSON.parse(asked.out() || '{}')
      return { ...report, status: asked.child.exitCode }
    }
    t.is((await status()).status, 3)
    const first = stage.join({ name: 'clinic', data: ['0', '1'] })
    await stage.server.line(round(2))
    t.like(await status(), { status: 0, isRunning: true, state: 'joined', name: 'clinic' })
    const twice = stage.join({ name: 'clinic', data: ['0', '1'] })
    await twice.ended
    t.is(twice.child.exitCode, 1)
    t.regex(twice.err(), /FLAMELET_RUNNING.*clinic/s)

    t.is(await first.end('SIGTERM'), 0, first.err())
    await stage.server.line(({ type }) => type === 'drained')
    t.like(await status(), { isRunning: false, state: 'ended' })
    stage.join({ name: 'clinic', data: ['0', '1'] })
    t.deepEqual(await stage.hashes(), await stage.inOneProcess())
  },
)

const flameletProgram = [new URL('../flamectl/flamelet-main.js', import.meta.url).pathname]

test.serial('code that no trusted key has signed is refused, and so is what was changed, or has expired', async (t) => {
  await using folder = await flameletStage({ clients: 1, rounds: 1 })
  const other = await keyFolder(folder.folder).create('other')
  const cases = [
    ['CODE_UNSIGNED', { sign: false }, undefined],
    ['CODE_SIGNER', {}, [other.publicKey]],
    ['CODE_EXPIRED', { days: 0 }, undefined],
    [
      'CODE_SIGNATURE',
      { tamper: (files: Map<string, Uint8Array>) => void files.set('trainer/more.ts', new Uint8Array(1)) },
      undefined,
    ],
  ] as const
  for (const [code, given, trust] of cases) {
    await using stage = await flameletStage({ clients: 1, rounds: 1, ...given })
    stage.join({ name: 'clinic', data: ['0'], ...(trust && { trust }) })
    t.is(codeOf(await stage.server.line(refusal, code)), code)
    const { processes } = await readReport(stage.stateOf('clinic'))
    t.deepEqual(processes, [], 'none of the code has run')
    t.false((await readdir(`${stage.stateOf('clinic')}/code/unpacked`)).length > 0)
  }
  await using stage = await flameletStage({ clients: 1, rounds: 1, sign: false })
  stage.join({ name: 'clinic', data: ['0'], trust: [], args: ['--trust-any'] })
  t.deepEqual(await stage.hashes(), await stage.inOneProcess())
})

test.serial('a dataset that the owner has not allowed, and more tasks than allowed, are refused', async (t) => {
  await using stage = await flameletStage({ clients: 2, rounds: 1 })
  // The test's server gives all tasks to a flamelet that names no dataset.
  stage.join({ name: 'clinic' })
  const { cause } = await stage.server.line(refusal)
  t.regex(JSON.stringify(cause), /FLAMELET_DATASET.*trainer-0.*dataset 0.*clinic/)
  const small = stage.join({ name: 'ward', data: ['0', '1'], args: ['--tasks', '1'] })
  const full = await stage.server.line((line) => refusal(line) && codeOf(line) === 'FLAMELET_FULL')
  t.deepEqual(full.ends, ['trainer-0', 'trainer-1'])
  await small.end()
})

test.serial('a wrong token is refused at the door, with a status of its own', async (t) => {
  await using stage = await flameletStage({ clients: 1, rounds: 1 })
  const flamelet = stage.join({ name: 'clinic', data: ['0'], token: 'another' })
  await flamelet.ended
  t.is(flamelet.child.exitCode, 4)
  t.regex(flamelet.err(), /FLAMELET_REFUSED/)
  const foreign = startProcess(process.execPath, [...flameletProgram, 'join', 'http://example.org', '--trust-any'])
  await foreign.ended
  t.is(foreign.child.exitCode, 2)
  t.regex(foreign.err(), /FLAMELET_TRUST/)
})

test.serial('options that others make useless are refused, with what to do', async (t) => {
  const join = async (...args: string[]) => {
    const refused = startProcess(process.execPath, [...flameletProgram, 'join', 'http://127.0.0.1:9', ...args])
    await refused.ended
    return [refused.child.exitCode, refused.err().replace(/\s+/g, ' ')] as const
  }
  const [workersStatus, workers] = await join('--trust-any', '--workers', '2')
  t.is(workersStatus, 2)
  t.regex(workers, /OPTION_UNUSED: --workers has no effect with --isolation process.* leave --workers out/)
  for (const trust of [['--trust', 'key'], ['--trust-any']]) {
    const [status, text] = await join('--workload', wards.pathname, ...trust)
    t.is(status, 2)
    t.regex(text, new RegExp(`OPTION_UNUSED: ${trust[0]} has no effect beside --workload.* leave out ${trust[0]}`))
  }
})

test.serial('a server of an authority of its own is trusted with --ca alone', async (t) => {
  await using stage = await flameletStage({ clients: 1, tls: true })
  const flamelet = stage.join({ name: 'clinic', data: ['0'] })
  const refused = await flamelet.line(({ cause }) => cause !== undefined)
  t.regex(JSON.stringify(refused), /"connecting".*LINK_CERTIFICATE/)
  await flamelet.end()
  stage.join({ name: 'clinic', data: ['0'], args: ['--ca', stage.ca] })
  t.deepEqual(await stage.hashes(), await stage.inOneProcess())
})
