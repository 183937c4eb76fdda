import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { runJob } from '../simulations/index.ts'
import { runFlamectl } from './flamectl-process.ts'
import drawn from './support/drawn.workload.ts'

const module = new URL('./support/drawn.workload.js', import.meta.url)
const source = 'test/support/drawn.workload.ts'
/** V8 of x86-64 then does without the processor's fused multiply-add. */
const withoutFma = process.arch === 'x64' ? ['--no-enable-fma3'] : []

async function folder(t: ExecutionContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'flame-arithmetic-'))
  t.teardown(() => rm(made, { recursive: true, force: true }))
  return made
}

async function hashesOf(...[workload, options]: Parameters<typeof runJob>): Promise<readonly string[]> {
  const run = await runJob(workload, options)
  const { cause, history } = await run.result
  if (cause) throw cause
  return history.map(({ hash }) => hash)
}

test.serial('a job has one row of hashes for each arithmetic, on any threads and in any processes', async (t) => {
  const plain = await hashesOf(module, { workers: 0 })
  const fused = await hashesOf(module, { workers: 0, settings: { arithmetic: 'fused' } })
  t.is(new Set([...plain, ...fused]).size, 6)
  t.deepEqual(await hashesOf(module, { workers: 0, settings: { arithmetic: 'plain' } }), plain)
  t.deepEqual(await hashesOf(module, { workers: 2, settings: { arithmetic: 'fused' } }), fused)
  const hosts = { processes: 2, workers: 1 }
  t.deepEqual(await hashesOf(module, { workers: 1, hosts, settings: { arithmetic: 'fused' } }), fused)
  // A model that runs in parts.
  const split = { topology: 'split', cut: 3, splitVersion: 2 }
  const parted = await hashesOf(drawn, { settings: split })
  t.notDeepEqual(await hashesOf(drawn, { settings: { ...split, arithmetic: 'fused' } }), parted)
})

test.serial('a killed job keeps its arithmetic, where fused products are emulated, too', async (t) => {
  const store = await folder(t)
  const args = ['run', source, '--json', '--workers', '1', '--set']
  const expected = await runFlamectl([...args, 'rounds=6,arithmetic=fused', '--store', join(store, 'calm')])
  t.is(expected.status, 0, expected.err)
  const killed = [...args, 'rounds=6,arithmetic=fused', '--store', join(store, 'killed')]
  t.is((await runFlamectl(killed, { signalAtFirstLine: 'SIGKILL' })).signal, 'SIGKILL')
  // Without the setting: the job has its own.
  const again = ['run', source, '--workers', '1', '--store', join(store, 'killed'), '--resume']
  const resumed = await runFlamectl([...again, '--json'], { node: withoutFma })
  t.is(resumed.status, 0, resumed.err)
  t.is(resumed.done?.hash, expected.done?.hash)
  const { algorithm, arithmetic } = JSON.parse(await readFile(join(resumed.done?.model ?? '', 'round.json'), 'utf8'))
  t.is(arithmetic.products, 'fused')
  t.is(algorithm.settings.arithmetic, 'fused')
  if (withoutFma.length === 0) return
  t.regex(resumed.err, /FUSED_EMULATED/)
  t.regex(arithmetic.engine, /which this platform emulates/)
})

test.serial('arithmetic is refused where the learner has none, or the job no emulation', async (t) => {
  const check = (workload: string, arithmetic: string, node: readonly string[] = []) =>
    runFlamectl(['check', workload, '--set', `arithmetic=${arithmetic}`], { node })
  t.regex((await check('examples/trivial', 'fused')).err, /LEARN_FUSED: .*own learner/)
  if (withoutFma.length > 0) t.regex((await check(source, 'fused-only', withoutFma)).err, /LEARN_EMULATED/)
})
