import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { appendFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { apiClient } from '../api/client/index.ts'
import { type RunningServer, startServer } from '../api/index.ts'
import { storeError } from '../runtime/durable/errors.ts'
import { memoryStore, type StoreTroubleCode } from '../runtime/index.ts'
import { callerOf } from './support/api-stage.ts'
import { runChild } from './support/child-lines.ts'
import { upUnder } from './support/flamectl-up.ts'
import { callsTo, reached, trivialJob } from './support/http-jobs.ts'
import { interruptedStore } from './support/stores.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const main = fileURLToPath(new URL('../flamectl/main.js', import.meta.url))
/** Node's options for a process whose disk has no room while the file `mark` is there. */
const filling = (mark: string, where: string) => [
  '--import',
  `${new URL('./support/filling-disk.js', import.meta.url)}?${new URLSearchParams({ mark, where })}`,
]

/** A server that runs jobs itself, on a store whose writes can be made to fail. */
async function serverOnTroubledStore(folder: string) {
  const lines: Record<string, unknown>[] = []
  const store = memoryStore()
  let trouble: StoreTroubleCode | undefined
  let onRefused = () => {}
  const troubled = interruptedStore(store, (call, when) => {
    if (trouble === undefined || when === 'after' || call === 'load' || call === 'read') return
    onRefused()
    throw storeError(trouble, { folder, url: folder, reason: 'it is so in this test' })
  })
  const server: RunningServer = await startServer({
    store: { type: 'own', open: async () => troubled },
    inProcess: { folder, workers: 0 },
    port: 0,
    log: { level: 'warn', to: { write: (line) => void lines.push(JSON.parse(line)) } },
  })
  return {
    url: server.url,
    lines,
    /** Resolves when the store has refused a write. */
    begin: (code: StoreTroubleCode) =>
      new Promise<void>((resolve) => {
        onRefused = resolve
        trouble = code
      }),
    end: () => {
      trouble = undefined
    },
    [Symbol.asyncDispose]: () => server.close(),
  }
}

async function hashesOf(endpoint: string, jobId: string): Promise<ReadonlyMap<number, string>> {
  const hashes = new Map<number, string>()
  const events = await apiClient({ endpoint }).getJobEvents({ user: 'u', jobId, query: { follow: false } })
  for await (const { event } of events) if (event.type === 'round') hashes.set(event.round, event.hash)
  return hashes
}

const jobOf = { clients: 4, rounds: 20 }

for (const [code, status] of [
  ['STORE_FULL', 507],
  ['STORE_DENIED', 503],
  ['STORE_LOST', 503],
  ['STORE_UNREACHABLE', 503],
] as const)
  test.serial(
    `a server whose store says ${code} tells everybody who asks, keeps what it acknowledged, and goes on by itself with the same hashes`,
    async (t) => {
      await using folder = await temporaryFolder()
      await using server = await serverOnTroubledStore(folder.path)
      const call = callsTo(server.url)
      const answer = callerOf(() => server.url)
      const calm = await trivialJob(call, { job: 'calm', ...jobOf })
      await call('PUT', `${calm}/status`, { state: 'starting' })
      t.is(await reached(call, calm, 'completed', 'failed'), 'completed')

      const job = await trivialJob(call, { job: 'troubled', ...jobOf })
      await call('PUT', `${job}/status`, { state: 'starting' })
      while ((await hashesOf(server.url, 'troubled')).size < 3) await new Promise(setImmediate)
      for (let times = 0; times < (code === 'STORE_FULL' ? 3 : 1); times++) {
        await server.begin(code)
        t.like(await answer('POST', '/users/u/designs', { id: `refused-${times}` }), { status, body: { code } })
        const ready = await answer('GET', '/readyz')
        t.like(ready, { status: 503, body: { code: 'API_NOT_READY' } })
        t.regex(String(Object(ready.body).detail), new RegExp(code))
        t.is((await answer('GET', '/healthz')).status, 200)
        t.like(await answer('GET', `${job}/status`), { status: 200, body: { state: 'running' } })
        server.end()
        const before = (await hashesOf(server.url, 'troubled')).size
        await call('POST', '/users/u/designs', { id: `taken-${times}` })
        t.is((await answer('GET', '/readyz')).status, 200)
        while ((await hashesOf(server.url, 'troubled')).size === before && before < jobOf.rounds)
          await new Promise(setImmediate)
      }
      t.is(await reached(call, job, 'completed', 'failed'), 'completed')
      t.deepEqual(await hashesOf(server.url, 'troubled'), await hashesOf(server.url, 'calm'))
      t.is((await hashesOf(server.url, 'troubled')).size, jobOf.rounds)
      t.like(
        server.lines.find(({ msg }) => String(msg).startsWith('the store cannot be written')),
        { err: { code } },
      )
      t.truthy(server.lines.find(({ msg }) => String(msg).startsWith('the store can be written again')))
    },
  )

const args = ['run', 'examples/trivial', '--json', '--workers', '0', '--set', 'clients=4,rounds=12,fraction=1']
const end = (lines: readonly string[]) => {
  const { done, hash } = JSON.parse(lines.at(-1) ?? '{}')
  return done ? String(hash) : undefined
}

/** Runs a job on a disk that becomes full in some round. */
function runOnFillingDisk(folder: string, where: string, atRound: number) {
  const mark = join(folder, 'full')
  const given = [...filling(mark, where), main, ...args, '--store', join(folder, 'store')]
  const onLine = (line: string) => {
    if (JSON.parse(line).round === atRound) writeFileSync(mark, '')
  }
  return runChild(process.execPath, given, onLine)
}

for (const [where, code] of [
  ['store', 'STORE_FULL'],
  ['models', 'REGISTRY_FULL'],
] as const)
  test.serial(
    `a run whose disk fills up ends with ${code} and with how to go on, which then gives the same hash`,
    async (t) => {
      await using folder = await temporaryFolder()
      const calm = await runChild(process.execPath, [main, ...args, '--store', join(folder.path, 'calm')])
      const full = await runOnFillingDisk(folder.path, where, 5)
      t.is(full.status, 1, full.err)
      t.regex(full.err, new RegExp(`^error ${code}: ${folder.path}/store\\S* has no space left`))
      t.regex(full.err, /then go on: flamectl run examples\/trivial .*--resume\n/)
      t.is(full.err.split('\n').length, 4, full.err)
      const again = await runChild(process.execPath, [main, ...args, '--store', join(folder.path, 'store'), '--resume'])
      t.is(again.status, 0, again.err)
      t.is(end(again.lines), end(calm.lines))
    },
  )

interface Disk extends AsyncDisposable {
  /** Folder of a server's state. */
  readonly folder: string
  /** More options of the server. */
  readonly node: readonly string[]
  fill(): Promise<void>
  free(): Promise<void>
}

/** A disk that is made to report that it is full. */
async function injectedDisk(where = 'all'): Promise<Disk> {
  const folder = await temporaryFolder()
  const mark = join(folder.path, 'full')
  return {
    folder: join(folder.path, 'state'),
    node: filling(mark, where),
    fill: () => writeFile(mark, ''),
    free: () => rm(mark),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

const sizeBytes = 6 * 1024 * 1024

/** A small file system in memory; undefined where none can be mounted. */
async function smallDisk(): Promise<Disk | undefined> {
  const folder = await temporaryFolder()
  try {
    execFileSync('/bin/sh', ['-c', `mount -t tmpfs -o size=${sizeBytes} tmpfs '${folder.path}'`], { stdio: 'ignore' })
  } catch {
    await folder[Symbol.asyncDispose]()
    return undefined
  }
  const ballast = join(folder.path, 'ballast')
  return {
    folder: join(folder.path, 'state'),
    node: [],
    async fill() {
      // Fills up to the last byte: the server's own writes meanwhile take some of the room.
      const cause = await appendFile(ballast, Buffer.alloc(sizeBytes)).catch((error: NodeJS.ErrnoException) => error)
      if (cause?.code !== 'ENOSPC') throw new Error('the disk is larger than it should be', { cause })
    },
    free: () => rm(ballast),
    async [Symbol.asyncDispose]() {
      // Unmounts lazily: a process that another test is just starting may still hold the file system.
      execFileSync('/bin/sh', ['-c', `umount -l '${folder.path}'`])
      await folder[Symbol.asyncDispose]()
    },
  }
}

for (const [title, diskOf] of [
  ['that says so', () => injectedDisk()],
  ['that is so', smallDisk],
] as const)
  test.serial(
    `a server that is killed while its disk is full, one ${title}, starts on it, and goes on when there is room`,
    async (t) => {
      await using disk = await diskOf()
      if (!disk) {
        t.log('tried by injected faults alone: no file system can be mounted here')
        return t.pass()
      }
      const up = () => upUnder(disk, disk.folder)
      await using first = await up()
      const call = callsTo(first.url)
      const job = await trivialJob(call, { job: 'troubled', clients: 4, rounds: 30 })
      await call('PUT', `${job}/status`, { state: 'starting' })
      for (let times = 0; times < 2; times++) {
        const before = (await hashesOf(first.url, 'troubled')).size
        while ((await hashesOf(first.url, 'troubled')).size < before + 2);
        await disk.fill()
        while ((await fetch(`${first.url}/readyz`)).status !== 503);
        t.is((await fetch(`${first.url}${job}/status`)).status, 200)
        if (times === 0) await disk.free()
      }
      await first.end('SIGKILL')

      await using second = await up()
      t.is((await fetch(`${second.url}/readyz`)).status, 503)
      await disk.free()
      const again = callsTo(second.url)
      t.is(await reached(again, job, 'completed', 'failed'), 'completed')
      const hashes = await hashesOf(second.url, 'troubled')
      t.is(hashes.size, 30)
      const calm = await trivialJob(again, { job: 'calm', clients: 4, rounds: 30 })
      await again('PUT', `${calm}/status`, { state: 'starting' })
      t.is(await reached(again, calm, 'completed', 'failed'), 'completed')
      t.deepEqual(hashes, await hashesOf(second.url, 'calm'))
    },
  )

test.serial(
  'a server whose disk for code and models is full, but not its store, says so among the events of the job, which waits',
  async (t) => {
    await using disk = await injectedDisk('models')
    await using server = await upUnder(disk, disk.folder)
    const call = callsTo(server.url)
    const path = await trivialJob(call, { job: 'troubled', clients: 4, rounds: 200 })
    await disk.fill()
    await call('PUT', `${path}/status`, { state: 'starting' })
    const codes: string[] = []
    const client = apiClient({ endpoint: server.url })
    for await (const { event } of client.jobEvents({ user: 'u', jobId: 'troubled' })) {
      if (event.type === 'notice') {
        codes.push(event.code)
        t.is((await fetch(`${server.url}/readyz`)).status, 200)
        await disk.free()
      }
      if (event.type === 'round' && event.round === 2 && codes.length === 1) await disk.fill()
      if (event.type === 'state' && ['completed', 'failed'].includes(event.state)) t.is(event.state, 'completed')
    }
    t.deepEqual(codes, ['JOB_CODE_FULL', 'REGISTRY_FULL'])
    t.is((await hashesOf(server.url, 'troubled')).size, 200)
  },
)
