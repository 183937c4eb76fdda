import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { z } from 'zod'
import { flamectlUp, runCommand, upUnder } from './support/flamectl-up.ts'
import { callsTo, reached, trivialJob } from './support/http-jobs.ts'
import { hashesHere, hashesOf } from './support/joined-hashes.ts'
import { type JoinedStage, joinedStage } from './support/joined-stage.ts'
import { programOf } from './support/platform-program.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const size = { clients: 4, rounds: 60 } as const
const here = hashesHere(size)

const listed = z.array(
  z.object({ name: z.string(), state: z.string(), computeId: z.string(), tasks: z.array(z.object({})) }),
)

/** The flamelets of a server, once so many are there. */
async function present({ call }: Pick<JoinedStage, 'call'>, count: number): Promise<z.output<typeof listed>> {
  for (;;) {
    const flamelets = listed.parse(await call('GET', '/flamelets'))
    if (flamelets.filter(({ state }) => state === 'here').length === count) return flamelets
    await delay(20)
  }
}

const report = z.object({ pid: z.number(), processes: z.array(z.object({ pid: z.number() })) })

const tasked = z.object({ flamelet: z.string() })

/** What a local flamelet tells of itself in its folder. */
async function reportOf({ folder }: Pick<JoinedStage, 'folder'>, name: string): Promise<z.output<typeof report>> {
  return report.parse(JSON.parse(await readFile(join(folder, 'state', 'flamelets', name, 'flamelet.json'), 'utf8')))
}

async function pidOf(stage: Pick<JoinedStage, 'folder'>, name: string): Promise<number> {
  return (await reportOf(stage, name)).pid
}

function isLiving(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The texts of a job's notices. */
async function noticesOf({ up }: Pick<JoinedStage, 'up'>, job: string): Promise<string> {
  const text = await (await fetch(`${up.url}${job}/events?follow=false`)).text()
  return text
    .split('\n')
    .filter((line) => line.includes('"notice"'))
    .join('\n')
}

async function atRound(stage: Pick<JoinedStage, 'up'>, job: string, round: number): Promise<void> {
  while ((await hashesOf(stage, job)).length < round) await delay(20)
}

test.serial('local flamelets get the tasks of a job, and a killed one comes back: the hashes stay', async (t) => {
  await using stage = await joinedStage('--hosts', 'processes:2')
  const flamelets = await present(stage, 2)
  t.deepEqual(new Set(flamelets.map(({ computeId }) => computeId)), new Set(['default']))
  const job = await trivialJob(stage.call, { job: 'j', ...size })
  await stage.call('PUT', `${job}/status`, { state: 'starting' })
  await atRound(stage, job, 2)
  const [busy, other] = await present(stage, 2)
  if (!busy || !other) throw new TypeError('two flamelets were there')
  t.true(busy.tasks.length > 0 && other.tasks.length > 0, JSON.stringify([busy, other, await noticesOf(stage, job)]))
  const listed = z.array(tasked).parse(await stage.call('GET', `${job}/tasks`))
  t.deepEqual(new Set(listed.map(({ flamelet }) => flamelet)), new Set(['server', busy.name, other.name]))
  const killed = await pidOf(stage, busy.name)
  process.kill(killed, 'SIGKILL')
  t.is(await reached(stage.call, job, 'completed', 'failed'), 'completed')
  t.deepEqual(await hashesOf(stage, job), await here)
  t.regex(await noticesOf(stage, job), /LOCAL_SITE_ENDED.*by SIGKILL/)
  await present(stage, 2)
  t.not(await pidOf(stage, busy.name), killed)
})

for (const signal of ['SIGKILL', 'SIGTERM'] as const)
  test.serial(`local flamelets end with their server by ${signal}, and the next server’s go on`, async (t) => {
    await using stage = await joinedStage('--hosts', 'processes:2')
    const names = (await present(stage, 2)).map(({ name }) => name)
    const job = await trivialJob(stage.call, { job: 'j', ...size })
    await stage.call('PUT', `${job}/status`, { state: 'starting' })
    await atRound(stage, job, 3)
    const pids = await Promise.all(names.map((name) => pidOf(stage, name)))
    t.true(pids.every(isLiving))
    await stage.up.end(signal)
    while (pids.some(isLiving)) await delay(20)
    await stage.restart(signal)
    t.is(await reached(stage.call, job, 'completed', 'failed'), 'completed')
    t.deepEqual(await hashesOf(stage, job), await here)
    t.deepEqual(
      (await present(stage, 2)).map(({ name }) => name),
      names,
    )
  })

test.serial('a server without local flamelets runs jobs itself, whatever the former server had', async (t) => {
  await using folder = await temporaryFolder()
  {
    await using up = await flamectlUp(folder.path, '--hosts', 'processes:1')
    await present({ call: callsTo(up.url) }, 1)
    await up.end('SIGTERM')
  }
  await using up = await flamectlUp(folder.path)
  const call = callsTo(up.url)
  t.deepEqual(await call('GET', '/flamelets'), [])
  const job = await trivialJob(call, { job: 'j', ...size })
  await call('PUT', `${job}/status`, { state: 'starting' })
  t.is(await reached(call, job, 'completed', 'failed'), 'completed')
  t.deepEqual(await hashesOf({ up }, job), await here)
})

test.serial('where tokens are asked for, local flamelets run tasks in confined processes alone', async (t) => {
  await using folder = await temporaryFolder()
  const keyFile = join(folder.path, 'keys.json')
  const tokenOf = async (...args: readonly string[]) =>
    (await runCommand(['token', ...args, '--key-file', keyFile])).out.trim()
  const [token, admin] = [await tokenOf('u'), await tokenOf('a', '--scope', 'admin')]
  const args = ['--auth', '--key-file', keyFile, '--hosts', 'processes:2', '--in-process']
  const state = join(folder.path, 'state')
  const old = await programOf('node-20')
  await t.throwsAsync(upUnder({ program: old }, state, ...args), { message: /JOB_CONFINEMENT/ })
  await using up = await upUnder({ program: await programOf('node-22') }, state, ...args)
  const call = callsTo(up.url, token)
  const [local] = await present({ call: callsTo(up.url, admin) }, 2)
  const job = await trivialJob(call, { job: 'j', ...size })
  await call('PUT', `${job}/status`, { state: 'starting' })
  let processes: readonly { pid: number }[] = []
  while (processes.length === 0) {
    await delay(20)
    processes = (await reportOf({ folder: folder.path }, local?.name ?? '')).processes
  }
  for (const { pid } of processes)
    t.regex(await readFile(`/proc/${pid}/cmdline`, 'utf8'), /--(experimental-)?permission/)
  t.is(await reached(call, job, 'completed', 'failed'), 'completed')
  t.deepEqual(await hashesOf({ up }, job, token), await here)
})
