import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { flameletStage, staysRunning } from '../test/support/flamelet-stage.ts'
import { nodeProgram } from '../test/support/other-platforms.ts'
import { readReport } from './flamelet-state.ts'

/** Code that tries what a task may not do, before the workload is made, and fails if any of it succeeds. */
const attempts = `
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'

const told = JSON.parse(process.argv[2] ?? '{}')
const [state = ''] = told.bundleFile.split('/code/')
const own = told.paths[0]
const must = (isSo) => { if (!isSo) throw new Error('no') }
const attempts = {
  environment: () => must(JSON.stringify(process.env).includes('a-token-of-the-stage')),
  arguments: () => must(process.argv.join().includes('a-token-of-the-stage')),
  parent: () => must(readFileSync('/proc/' + process.ppid + '/environ', 'utf8').includes('a-token-of-the-stage')),
  state: () => readdirSync(join(state, 'store')),
  report: () => readFileSync(join(state, 'flamelet.json')),
  others: () => readFileSync(join(dirname(own), 'ward-1.csv')),
  keys: () => readdirSync(join(dirname(own), 'keys')),
  write: () => writeFileSync(join(dirname(told.bundleFile), 'written'), ''),
  process: () => must(spawnSync(process.execPath, ['--version']).status === 0),
  thread: () => new Worker('', { eval: true }).unref(),
}
const reached = Object.entries(attempts).filter(([, attempt]) => { try { attempt(); return true } catch { return false } })
if (reached.length > 0) throw new Error('reached: ' + reached.map(([name]) => name).join(' '))
`

const wards = new URL('../../test/support/wards.workload.ts', import.meta.url)

for (const version of [22, 24] as const)
  test.serial(`the code of a task reaches its own data alone, on Node ${version}`, async (t) => {
    await using stage = await flameletStage({ clients: 2, code: attempts + (await readFile(wards, 'utf8')) })
    stage.join({ name: 'clinic', data: ['0'], node: await nodeProgram(version) })
    stage.join({ name: 'ward', data: ['1'], trust: [], args: ['--isolation', 'none', '--workload', wards.pathname] })
    const first = await stage.server.line(({ type }) => type === 'not-hosting' || type === 'ended')
    t.is(first.type, 'ended', JSON.stringify(first))
    t.deepEqual(await stage.hashes(), await stage.inOneProcess())
  })

test.serial('without a permission model the same code has the rights of the account', async (t) => {
  await using stage = await flameletStage({ clients: 2, code: attempts + (await readFile(wards, 'utf8')) })
  stage.join({ name: 'clinic', data: ['0'], node: await nodeProgram(20) })
  const { cause } = await stage.server.line(({ type }) => type === 'not-hosting')
  const [, reached] = /reached: ([a-z ]+)/.exec(JSON.stringify(cause)) ?? []
  t.is(reached?.trim(), 'parent state report others keys write process thread')
})

test.serial('a blocked process that a killed flamelet has left is ended when the flamelet starts again', async (t) => {
  const blocked = 'for (;;) {}\n'
  await using stage = await flameletStage({ clients: 1, code: blocked + (await readFile(wards, 'utf8')) })
  const node = await nodeProgram(22)
  const first = stage.join({ name: 'clinic', data: ['0'], node })
  await first.line(({ state }) => state === 'joined')
  const pid = await blockedProcess(stage.stateOf('clinic'))
  await first.end('SIGKILL')
  t.true(await staysRunning(pid), 'a confined process can neither see its end nor start a thread that does')
  const second = stage.join({ name: 'clinic', data: ['0'], node })
  await second.line(({ state }) => state === 'joined')
  t.false(await staysRunning(pid))
})

/** Waits for a task's process that has taken more time of the processor than its start takes: the code blocks it. */
async function blockedProcess(folder: string): Promise<number> {
  for (let look = 0; look < 2000; look++) {
    const [found] = (await readReport(folder)).processes
    if (found && (await ticksOf(found.pid)) > 300) return found.pid
    await delay(50)
  }
  throw new Error('no process is blocked')
}

/** Time of the processor that a process has taken, in hundredths of a second. */
async function ticksOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[11] ?? 0)
}
