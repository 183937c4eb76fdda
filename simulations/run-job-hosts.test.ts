import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import trivial from '../examples/trivial/workload.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'
import { type RunJobOptions, runJob } from './run-job.ts'

const module = new URL('../../examples/trivial/workload.ts', import.meta.url)
const settings = { rounds: 6, clients: 9, fraction: 0.7 }
type Topology = 'two-tier' | 'hierarchical'
const hashes = (rounds: readonly { readonly hash: string }[]) => rounds.map(({ hash }) => hash)

async function inOne(topology: Topology): Promise<readonly string[]> {
  return hashes((await (await runJob(trivial, { settings: { ...settings, topology } })).result).history)
}

const spread = (topology: Topology, options: Omit<RunJobOptions, 'settings'> = {}) =>
  runJob(module, { settings: { ...settings, topology }, hosts: { processes: 3, workers: 0 }, ...options })

for (const topology of ['two-tier', 'hierarchical'] as const)
  for (const transport of ['ws', 'mqtt'] as const)
    test.serial(
      `a ${topology} job whose tasks are in three processes over ${transport} has the hashes of one process`,
      async (t) => {
        const run = await spread(topology, { hosts: { processes: 3, workers: 0, transport } })
        t.is(run.processes.size, 3)
        const { state, cause, history } = await run.result
        t.is(state, 'completed', String(cause))
        t.deepEqual(hashes(history), await inOne(topology))
        t.is(run.processes.size, 0)
      },
    )

test.serial(
  'processes that are killed in each round are started again with their tasks, and the hashes stay',
  async (t) => {
    const notices: string[] = []
    const pids = new Set<number>()
    const run = await spread('hierarchical', {
      onRound({ round }) {
        const pid = run.processes.get(`host-${round % 3}`)
        if (pid === undefined) return
        pids.add(pid)
        process.kill(pid, 'SIGKILL')
      },
      onNotice: (end, { code }) => notices.push(`${end} ${code}`),
    })
    const { state, cause, history } = await run.result
    t.is(state, 'completed', String(cause))
    t.deepEqual(hashes(history), await inOne('hierarchical'))
    t.true(pids.size >= 5, String([...pids]))
    t.true(notices.includes('host-1 LOCAL_SITE_ENDED'), String(notices))
  },
)

test.serial(
  'after SIGKILL of a program its processes end too, and its next run goes on from the folder to the same hashes',
  async (t) => {
    await using folder = await temporaryFolder()
    const program = `
    import { writeSync } from 'node:fs'
    import { runJob } from ${JSON.stringify(new URL('index.js', import.meta.url).href)}
    const run = await runJob(${JSON.stringify(fileURLToPath(module))}, {
      settings: ${JSON.stringify({ ...settings, topology: 'hierarchical' })}, store: ${JSON.stringify(folder.path)},
      hosts: { processes: 3, workers: 0 },
      onRound({ round }) {
        if (round !== 3) return
        writeSync(1, JSON.stringify([...run.processes.values()]) + '\\n')
        process.kill(process.pid, 'SIGKILL')
      },
    })`
    const killed = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(createInterface({ input: killed.stdout }), 'line')
    const left: readonly number[] = JSON.parse(String(line))
    t.is(left.length, 3)
    for (const pid of left) while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
    const { state, cause, history } = await (await spread('hierarchical', { store: folder.path })).result
    t.is(state, 'completed', String(cause))
    t.deepEqual(hashes(history), await inOne('hierarchical'))
  },
)

test.serial('a run whose processes all end again and again fails with the cause', async (t) => {
  const run = await spread('two-tier', { hosts: { processes: 1, workers: 0 } })
  let killed = 0
  const kill = setInterval(() => {
    for (const pid of run.processes.values()) killed += process.kill(pid, 'SIGKILL') ? 1 : 0
  }, 5)
  const { state, cause } = await run.result
  clearInterval(kill)
  t.is(state, 'failed')
  t.true(killed >= 5)
  t.like(cause, { code: 'LOCAL_SITE_ENDED' })
})

test.serial('a run that is stopped leaves no process behind', async (t) => {
  const run = await spread('two-tier')
  const pids = [...run.processes.values()]
  await run.stop()
  t.is((await run.result).state, 'stopped')
  t.deepEqual(pids.filter(isAlive), [])
})

test.serial('hosts need a module, and a whole number of processes', async (t) => {
  await t.throwsAsync(runJob(trivial, { hosts: { processes: 2 } }), { code: 'SIMULATION_HOSTS' })
  await t.throwsAsync(runJob(module, { hosts: { processes: 0 } }), { code: 'SIMULATION_OPTION' })
})

/** A zombie, whose parent hasn't heard of its end yet, doesn't live. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !existsSync(`/proc/${pid}/stat`) || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
