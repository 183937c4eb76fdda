import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import test from 'ava'
import { memoryStore } from '../../../runtime/index.ts'
import { runOnNode } from '../../../test/support/other-platforms.ts'
import {
  type EndedProcessJob,
  type ProcessJobOptions,
  processJob,
  runProcessJob,
} from '../../../test/support/process-job.ts'
import { temporaryFolder } from '../../../test/support/temporary-folder.ts'
import { answerStoreCall } from './job-store.ts'

/** Code that runs in a training of this round, once for all processes of a job. */
function onceIn(round: number, marks: string, what: string): ProcessJobOptions {
  return {
    top: `import { existsSync, readFileSync, writeFileSync } from 'node:fs'
      let trainings = 0`,
    training: `if (++trainings > 3 * ${round - 1} && !existsSync('${marks}')) { writeFileSync('${marks}', String(process.pid)); ${what} }`,
  }
}

const calm = runProcessJob()

test('a job runs in a process of its own, with threads and without, to the same weights', async (t) => {
  const { state, hashes } = await calm
  t.is(state, 'completed')
  t.is(hashes.length, 4)
  t.deepEqual((await runProcessJob({ workers: 2 })).hashes, hashes)
})

for (const [title, what] of [
  ['exits', 'process.exit(0)'],
  ['is killed', "process.kill(process.pid, 'SIGKILL')"],
  ['throws where nobody catches', "setTimeout(() => { throw new Error('spilled') }); await new Promise(() => {})"],
])
  test(`a process that ${title} is followed by another, and the job ends with the same weights`, async (t) => {
    await using folder = await temporaryFolder()
    const { state, hashes, told } = await runProcessJob(onceIn(3, join(folder.path, 'mark'), what ?? ''))
    t.is(state, 'completed')
    t.deepEqual(hashes, (await calm).hashes)
    t.true(
      told.some((text) => /^JOB_PROCESS_ENDED.* by itself once without .* goes on .* in another process$/s.test(text)),
    )
  })

test('a job whose processes end by themselves three times in a row has failed, and says how they ended', async (t) => {
  const { state, code, message, hashes } = await runProcessJob({ top: "console.error('out of luck'); process.exit(3)" })
  t.deepEqual([state, code, hashes.length], ['failed', 'JOB_PROCESS_ENDED', 0])
  t.regex(String(message), /3 times .* the last time with status 3, having written: out of luck/)
})

test('a job that is started again after its deaths has its deaths counted anew', async (t) => {
  await using job = await processJob({ top: 'process.exit(3)' })
  await job.start()
  await job.ended()
  await job.stage.idle()
  t.is(await job.store.load('job-deaths/j'), undefined)
})

test('deaths with rounds in between fail no job', async (t) => {
  await using folder = await temporaryFolder()
  const mark = (number: number) => JSON.stringify(join(folder.path, `mark-${number}`))
  const marks = [1, 2, 3, 4].map(
    (number) => `if (!existsSync(${mark(number)})) { writeFileSync(${mark(number)}, ''); process.exit(1) }`,
  )
  const { state, hashes, told } = await runProcessJob({
    top: `import { existsSync, writeFileSync } from 'node:fs'
      let trainings = 0`,
    // Each process commits a round before it ends.
    training: `if (++trainings === 4) { ${marks.join(' else ')} }`,
    rounds: 6,
  })
  t.is(state, 'completed')
  t.is(hashes.length, 6)
  t.is(told.filter((text) => text.startsWith('JOB_PROCESS_ENDED')).length, 4)
})

test('a job that keeps its process busy for ever is stopped all the same', async (t) => {
  await using job = await processJob({ training: 'for (;;);' })
  await job.start()
  await job.event((event) => event.type === 'state' && event.state === 'running')
  await job.stop()
  t.is((await job.ended()).state, 'terminated')
})

for (const [title, training] of [
  ['works', ''],
  ['is busy for ever', 'for (;;);'],
])
  test(`no process that ${title} outlives a server that is killed`, async (t) => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'pid')
    const top = `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(file)}, String(process.pid))`
    const options = JSON.stringify({ top, training, rounds: 100_000 })
    const module = new URL('../../../test/support/process-job.js', import.meta.url)
    const program = join(folder.path, 'server.mjs')
    writeFileSync(
      program,
      `import { processJob } from ${JSON.stringify(module)}
      const job = await processJob(${options})
      await job.start()
      await job.event((event) => event.type === 'state' && event.state === 'running')
      console.log('running')`,
    )
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    const pid = Number(readFileSync(file, 'utf8'))
    while (isAlive(pid)) await setTimeout(20)
    t.pass()
  })

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A zombie has ended, though its process id is still taken.
    return !existsSync(`/proc/${pid}/stat`) || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** Writes a value into the pipe, in v8's serialization. */
const written = (value: string) => `
  import { writeSync } from 'node:fs'
  import { serialize } from 'node:v8'
  const written = (bytes) => {
    for (let at = 0; at < bytes.length; ) try { at += writeSync(3, bytes, at) } catch {}
  }
  const message = (value) => {
    const bytes = serialize(value)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    written(Buffer.concat([length, bytes]))
  }
  const nested = (depth) => {
    let cause = { name: '', message: '' }
    for (let at = 0; at < depth; at++) cause = { name: '', message: '', cause }
    return cause
  }
  ${value}`
const forged: readonly [string, string, string][] = [
  ['a call of another kind', "message({ type: 'store', call: 1, store: { method: 'drop' } })", 'JOB_PROCESS_MESSAGE'],
  ["a message of Node's own", "message({ cmd: 'NODE_HANDLE', type: 'x' })", 'JOB_PROCESS_MESSAGE'],
  ['bytes that are no value', 'written(Buffer.from([0, 0, 0, 4, 1, 2, 3, 4]))', 'JOB_PROCESS_MESSAGE'],
  ['more than a message may have', 'written(Buffer.alloc(4, 255))', 'JOB_PROCESS_MESSAGE'],
  ['a value that is nested without end', "message({ type: 'ended', cause: nested(3000) })", 'JOB_PROCESS_MESSAGE'],
  ['an error with causes without end', "message({ type: 'ended', cause: nested(500) })", 'JOB_DEPLOYMENT_FAILED'],
]
for (const [title, what, expected] of forged)
  test(`${title} that the job's code writes to the server ends the job, and nothing else`, async (t) => {
    const { state, code } = await runProcessJob({ top: written(what) })
    t.deepEqual([state, code], ['failed', expected])
  })

test('an error that is its own cause fails its job', async (t) => {
  const { state, message } = await runProcessJob({
    top: "const error = new Error('round and round'); error.cause = error; throw error",
  })
  t.is(state, 'failed')
  t.regex(String(message), /round and round/)
})

test('a process that asks for very much at once is answered, and its job goes on', async (t) => {
  const flood = `
    message({ type: 'store', call: 0, store: { method: 'save', key: 'job/j/flood', version: 0, bytes: new Uint8Array(9) } })
    for (let call = 1; call < 3000; call++) message({ type: 'store', call, store: { method: 'load', key: 'job/j/flood' } })`
  const { state, hashes } = await runProcessJob({ top: written(flood) })
  t.is(state, 'completed')
  t.deepEqual(hashes, (await calm).hashes)
})

test("the server's environment is not the job's", async (t) => {
  process.env.FLAME_TEST_SECRET = 'secret'
  const { state, message } = await runProcessJob({
    top: "if (process.env.FLAME_TEST_SECRET) throw new Error('it is there')",
  })
  t.is(state, 'completed', String(message))
})

test("a job's process reaches the state of its own roles alone", async (t) => {
  const store = memoryStore()
  await store.save('job/other/trainer-0', 0, Uint8Array.of(1))
  for (const key of ['job/other/trainer-0', 'job/j', 'job/j/', 'job/j~2/a', 'jobs/j/a', 'audit'])
    t.like(await answerStoreCall(store, 'j', { method: 'load', key }), { error: { coded: { code: 'JOB_STORE' } } })
  t.deepEqual(
    await answerStoreCall(store, 'j', { method: 'save', key: 'job/j/a', version: 0, bytes: Uint8Array.of(2) }),
    { value: 1 },
  )
})

const confined: readonly [string, string, RegExp][] = [
  ['reads elsewhere', "(await import('node:fs')).readFileSync('/etc/passwd')", /ERR_ACCESS_DENIED|restricted/],
  [
    'reads data elsewhere',
    "(await import('flame-fl/sdk/node')).readIdx('/etc/passwd', '/etc/passwd')",
    /read the folders of flamectl up --data/,
  ],
  [
    'writes elsewhere',
    "(await import('node:fs')).writeFileSync('/tmp/flame-confined', '')",
    /ERR_ACCESS_DENIED|restricted/,
  ],
  ['starts a process', "(await import('node:child_process')).execSync('id')", /ERR_ACCESS_DENIED|restricted/],
  [
    'starts a thread',
    "new (await import('node:worker_threads')).Worker('', { eval: true, execArgv: [] })",
    /ERR_ACCESS_DENIED|restricted/,
  ],
]
for (const version of [22, 24] as const) {
  const run = async (options: ProcessJobOptions): Promise<Partial<EndedProcessJob>> => {
    const module = new URL('../../../test/support/process-job.js', import.meta.url)
    const ended = await runOnNode(version, {
      module,
      name: 'runProcessJob',
      args: [{ ...options, confined: { reads: [] } }],
    })
    return Object(ended)
  }
  test(`a confined job ends with the same weights on Node ${version}`, async (t) => {
    const { state, hashes, message } = await run({})
    t.is(state, 'completed', String(message))
    t.deepEqual(hashes, (await calm).hashes)
  })
  for (const [title, top, message] of confined)
    test(`a confined job that ${title} fails on Node ${version}`, async (t) => {
      const ended = await run({ top })
      t.is(ended.state, 'failed')
      t.regex(String(ended.message), message)
    })
}
