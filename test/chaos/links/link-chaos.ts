import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Agent, setGlobalDispatcher } from 'undici'
import { faultProxy } from '../../../runtime/node/faults/index.ts'
import { randomStream } from '../../../sdk/index.ts'
import { certificateAuthority } from '../../support/certificates.ts'
import type { StageProcess } from '../../support/flamelet-stage.ts'
import { freePort } from '../../support/free-port.ts'
import { trivialJob } from '../../support/http-jobs.ts'
import { type JoinedStage, joinedStageUnder } from '../../support/joined-stage.ts'
import { mosquitto } from '../../support/mosquitto.ts'
import { processesBelow, type SeenProcess, stillRuns } from '../../support/processes.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

export interface LinkChaosOptions {
  readonly transport: 'ws' | 'mqtt'
  readonly kills: number
  readonly seed: number
  /** Rounds of each job. */
  readonly rounds: number
  /** Whether connections of flamelets lead through a proxy that cuts them and damages bytes. */
  readonly isFaulty: boolean
  readonly report: (line: string) => void
}

/** Faults of the proxy: a cut every few seconds, a change in one of a hundred pieces, and a delay. */
const faults = { cutEveryMs: 3000, lateShare: 0.3, damagedShare: 0.01, delayMs: 2, jitterMs: 2 }
const names = ['dev-0', 'dev-1', 'dev-2'] as const
const clients = 6
/** Longest time between a recovery and the next kill. */
const longestCalmMs = 1500
/** A job that commits no round for this time after a kill has lost something. */
const longestRecoveryMs = 60_000
/** A longer recovery is told with the events of its jobs. */
const goalMs = 5000

/** The steps of a recovery, with the time of each since the kill. */
type Passed = Map<string, number>

type Victim = 'server' | 'flamelet' | 'task' | 'job' | 'broker'

/**
 * Kills random processes of a server, of flamelets and of their tasks, and the broker, at random instants while jobs
 * run, and starts again those that nobody else starts. Answers with the faults: other hashes than those of a job that
 * nobody disturbed, jobs that don't go on, processes that are left behind.
 */
export async function linkChaos(options: LinkChaosOptions): Promise<readonly string[]> {
  const { kills, seed, rounds, report } = options
  const wrongs: string[] = []
  const wrong = (what: string) => {
    wrongs.push(what)
    report(`WRONG ${what}`)
  }
  const seen = new Map<string, SeenProcess>()
  {
    await using network = await networkOf(options)
    const { stage } = network
    const flamelets = new Map(names.map((name) => [name, network.join(name)]))
    const jobs = jobsOf(stage, rounds)
    const calm = await jobs.run('calm')
    const expected = calm.hashes
    if (calm.state !== 'completed' || expected.length !== rounds)
      throw new Error(`the undisturbed job is ${calm.state}`)
    report(`seed ${seed}; ${rounds} rounds on ${names.length} flamelets, hash ${expected.at(-1)}`)

    const ending = new AbortController()
    let ended = 0
    const runner = (async () => {
      for (let number = 0; !ending.signal.aborted; number++) {
        const { state, rounds: came, again, hashes, told } = await jobs.run(`job-${number}`)
        ended += 1
        const index = expected.findIndex((hash, at) => hashes[at] !== hash)
        if (state !== 'completed') wrong(`job-${number} is ${state} after ${hashes.length} rounds: ${told}`)
        else if (again !== undefined) wrong(`job-${number} went back to round ${again}: ${told}`)
        else if (index >= 0)
          wrong(
            `job-${number}: round ${index + 1} is ${JSON.stringify(came[index])}, and its hash not ${expected[index]}; ${told}`,
          )
      }
    })()

    const recoveries: number[] = []
    for (let kill = 0; kill < kills && wrongs.length === 0; kill++) {
      const random = randomStream(seed, 'kill', kill)
      await setTimeout(random.uniform() * longestCalmMs)
      for (const one of await processesBelow(rootsOf(stage, flamelets))) seen.set(`${one.pid} ${one.startedAt}`, one)
      const before = await jobs.progress()
      const since = performance.now()
      const passed: Passed = new Map()
      const victim = await strike(random.uniform(), random.uniform(), (what) =>
        passed.set(what, Math.round(performance.now() - since)),
      )
      const recovered = await jobs.progressed(before, since + longestRecoveryMs)
      const tookMs = performance.now() - since
      if (tookMs > goalMs) report(await jobs.told(before.job))
      if (recovered) recoveries.push(tookMs)
      else wrong(`no round within ${longestRecoveryMs / 1000} s after the end of ${victim}; ${saidBy(flamelets)}`)
      const steps = [...passed].map(([what, ms]) => `${what} after ${ms}`).join(', ')
      report(
        `kill ${kill + 1}: ${victim}${steps && ` (${steps})`}, next round after ${Math.round(tookMs)} ms; ${ended} jobs have ended`,
      )
    }
    ending.abort()
    await runner
    const sorted = recoveries.toSorted((one, other) => one - other)
    const median = sorted[sorted.length >> 1] ?? 0
    report(
      `${ended} jobs through ${recoveries.length} kills; recovery: median ${Math.round(median)} ms, longest ${Math.round(sorted.at(-1) ?? 0)} ms${network.told()}`,
    )

    /** Kills a process. Starts it again where nobody else does. */
    async function strike(which: number, of: number, pass: (what: string) => void): Promise<string> {
      const victims: readonly Victim[] = ['server', 'flamelet', 'flamelet', 'task', 'task', 'job', ...network.brokers]
      const victim = victims[Math.floor(which * victims.length)] ?? 'server'
      const name = names[Math.floor(of * names.length)] ?? names[0]
      switch (victim) {
        case 'server':
          for (const [name, { lines, line }] of flamelets) {
            const earlier = new Set(lines)
            line((said) => said.state === 'joined' && !earlier.has(said)).then(
              () => pass(`${name} joined`),
              () => pass(`${name} ended`),
            )
          }
          await stage.restart('SIGKILL')
          pass('it listened')
          void begun(stage.up).then((hasBegun) => hasBegun && pass('its task began'))
          return 'the server'
        case 'flamelet':
          await flamelets.get(name)?.end('SIGKILL')
          flamelets.set(name, network.join(name))
          return name
        case 'broker':
          await network.killBroker()
          return 'the broker'
        case 'task':
          return (await killed(of, [...flamelets.values()].map(pidOf))) ? 'the process of a task' : 'nobody'
        case 'job':
          return (await killed(of, [stage.up.pid])) ? "a process of the server's" : 'nobody'
      }
    }
  }
  await setTimeout(1500)
  for (const one of seen.values()) if (await stillRuns(one)) wrong(`process ${one.pid} is left behind`)
  return wrongs
}

/** A stage whose flamelets reach the server over the transport, and through the proxy if there is to be one. */
async function networkOf({ transport, isFaulty, seed }: LinkChaosOptions) {
  const resources: AsyncDisposable[] = []
  const use = <Resource extends AsyncDisposable>(resource: Resource): Resource => {
    resources.push(resource)
    return resource
  }
  const dispose = async () => {
    for (const resource of resources.toReversed()) await resource[Symbol.asyncDispose]()
  }
  try {
    const passwords = Object.fromEntries(['server', ...names].map((name) => [name, `password of ${name}`]))
    const broker = transport === 'mqtt' ? use(await mosquitto({ users: passwords })) : undefined
    // Over TLS, as where a network does damage: a connection that damages bytes ends.
    const authority = transport === 'ws' && isFaulty ? await certificateAuthority('chaos') : undefined
    const secured = authority && (await securedFiles(authority, use(await temporaryFolder()).path))
    if (secured) setGlobalDispatcher(new Agent({ connect: { ca: secured.authority } }))
    const stage = use(
      await joinedStageUnder(
        broker ? { FLAME_BROKER_USERNAME: 'server', FLAME_BROKER_PASSWORD: passwords.server ?? '' } : {},
        ...(broker ? ['--broker', broker.url] : []),
        ...(secured?.args ?? []),
      ),
    )
    const target = { port: Number(new URL(broker?.url ?? stage.up.url).port) }
    const proxy = isFaulty ? use(await faultProxy({ target, port: await freePort(), seed, faults })) : undefined
    const to = new URL(broker?.url ?? stage.up.url)
    if (proxy) to.port = String(proxy.port)
    return {
      stage,
      brokers: broker ? (['broker'] as const) : [],
      join(name: string): StageProcess {
        return stage.join(name, {
          realm: name,
          to: to.href,
          args: secured ? ['--ca', secured.caFile] : [],
          env: broker ? { FLAME_BROKER_USERNAME: name, FLAME_BROKER_PASSWORD: passwords[name] ?? '' } : {},
        })
      },
      async killBroker() {
        await broker?.kill()
        await broker?.start()
      },
      told: () => (proxy ? `; ${proxy.counts.cut} connections cut, ${proxy.counts.damaged} pieces damaged` : ''),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (cause) {
    await dispose()
    throw cause
  }
}

async function securedFiles(authority: Awaited<ReturnType<typeof certificateAuthority>>, folder: string) {
  const { cert, key } = await authority.server()
  const written = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  const args = ['--tls-cert', await written('cert.pem', cert), '--tls-key', await written('key.pem', key)]
  return { args, authority: authority.cert, caFile: await written('ca.pem', authority.cert) }
}

/** Jobs of the server, across its lives. */
function jobsOf(stage: JoinedStage, rounds: number) {
  let present = '/users/u/jobs/none'
  /** Asks until an answer comes. The first attempt may have taken effect, though its answer was lost. */
  const insist = async <Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> => {
    for (;;) {
      try {
        return await ask()
      } catch (cause) {
        if (/: (409|400) /.test(String(cause))) return undefined
        await setTimeout(20)
      }
    }
  }
  const entriesOf = async (job: string) => {
    const response = await fetch(`${stage.up.url}${job}/events?follow=false`, { signal: AbortSignal.timeout(10_000) })
    return [...(await response.text()).matchAll(/^data: ?(.*)$/gm)].map(([, data = '']) => JSON.parse(data))
  }
  const eventsOf = async (job: string) => (await entriesOf(job)).map(({ event = {} }) => event)
  const jobs = {
    async run(job: string) {
      const path = `/users/u/jobs/${job}`
      let attempt = 0
      // A design or a dataset of an attempt without an answer may be there: each attempt makes others.
      for (;;) {
        attempt += 1
        const made = await trivialJob(stage.call, { job: `${job}-${attempt}`, clients, rounds, realms: names }).catch(
          () => undefined,
        )
        if (made !== undefined) break
        await setTimeout(20)
      }
      const at = `${path}-${attempt}`
      present = at
      await insist(() => stage.call('PUT', `${at}/status`, { state: 'starting' }))
      for (;;) {
        const status = await insist(() => stage.call('GET', `${at}/status`))
        const state = String(Object(status).state)
        if (['completed', 'failed', 'terminated'].includes(state)) {
          const events = (await insist(() => eventsOf(at))) ?? []
          const rounds = roundsIn(events)
          return {
            state,
            rounds,
            again: repeatedIn(events),
            hashes: rounds.map(({ hash }) => hash),
            /** The last events other than rounds and the ends of tasks, for people. */
            told: JSON.stringify(events.filter(isTelling).slice(-12)),
          }
        }
        // A server may have been killed before it took note of the start.
        if (state === 'ready') await insist(() => stage.call('PUT', `${at}/status`, { state: 'starting' }))
        await setTimeout(50)
      }
    },
    /** The last events of a job and of the present one, with their times, for people. */
    async told(job: string): Promise<string> {
      const entries = [...new Set([job, present])].map((one) => insist(() => entriesOf(one)))
      const lines = (await Promise.all(entries)).flatMap((one = []) => one.slice(-60))
      return `now ${new Date().toISOString()}\n${lines.map((entry) => JSON.stringify(entry)).join('\n')}`
    },
    /** The present job, and the number of its rounds. */
    async progress() {
      const job = present
      return { job, rounds: roundsIn((await insist(() => eventsOf(job))) ?? []).length }
    },
    /** Whether a round is recorded after that progress, or another job has begun, until a time. */
    async progressed(before: { readonly job: string; readonly rounds: number }, until: number): Promise<boolean> {
      while (performance.now() < until) {
        const now = await jobs.progress()
        if (now.job === before.job ? now.rounds > before.rounds : now.rounds > 0) return true
        await setTimeout(25)
      }
      return false
    },
  }
  return jobs
}

interface ToldEvent {
  readonly type?: unknown
  readonly round: number
  readonly hash: string
}

/** The last event of each round, by the number of the round. */
function roundsIn(events: readonly ToldEvent[]): readonly ToldEvent[] {
  const rounds = new Map(events.flatMap((event) => (event.type === 'round' ? [[event.round, event] as const] : [])))
  return [...rounds].toSorted(([one], [other]) => one - other).map(([, event]) => event)
}

/** The first round that came again after a later one. A server that starts tells the last round again. */
function repeatedIn(events: readonly ToldEvent[]): number | undefined {
  const rounds = events.flatMap(({ type, round }) => (type === 'round' ? [round] : []))
  return rounds.find((round, index) => round < (rounds[index - 1] ?? 0))
}

function isTelling({ type, state }: { readonly type?: unknown; readonly state?: unknown }): boolean {
  return type !== 'round' && state !== 'completed'
}

function rootsOf({ up }: JoinedStage, flamelets: ReadonlyMap<string, StageProcess>): readonly number[] {
  return [up.pid, ...[...flamelets.values()].map(pidOf)]
}

/** The last lines of each flamelet, for people. */
function saidBy(flamelets: ReadonlyMap<string, StageProcess>): string {
  return [...flamelets]
    .map(([name, { lines, err }]) => `${name}: ${JSON.stringify(lines.slice(-6))} ${err().slice(-1000)}`)
    .join('\n')
}

function pidOf({ child }: StageProcess): number {
  return child.pid ?? 0
}

/** Whether a server has a process of its own before it ends. */
async function begun({ pid }: { readonly pid: number }): Promise<boolean> {
  for (;;) {
    if ((await processesBelow([pid])).length > 0) return true
    if (!existsSync(`/proc/${pid}`)) return false
    await setTimeout(50)
  }
}

/** Kills one of the processes below these, if there are any. */
async function killed(of: number, roots: readonly number[]): Promise<boolean> {
  const below = (await processesBelow(roots)).toSorted((one, other) => one.pid - other.pid)
  const one = below[Math.floor(of * below.length)]
  if (!one || !(await stillRuns(one))) return false
  process.kill(one.pid, 'SIGKILL')
  return true
}
