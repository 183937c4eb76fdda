import test, { type ExecutionContext } from 'ava'
import { type DialRoute, manualClock } from '../../runtime/index.ts'
import { later, TestedRoute } from '../support/clocked-nodes.ts'
import {
  inOneProcess,
  type NetworkedJobOptions,
  networkedJob,
  resultsOf,
  trainingGates,
} from '../support/networked-job.ts'
import type { TakeRoute } from '../support/networks.ts'

const clients = 3
const devices = ['device-0', 'device-1', 'device-2'] as const
const [first] = devices
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const stepMs = 5000

/** A network within this process, on nodes whose clocks move on command. */
function clockedJob(options: Omit<NetworkedJobOptions, 'network' | 'clients'>, aheadMs: Record<string, number> = {}) {
  const clocks = new Map<string, ReturnType<typeof manualClock>>()
  const routes = new Map<string, TestedRoute[]>()
  const dark = new Set<string>()
  let take: TakeRoute | undefined
  const dial =
    (device: string): DialRoute =>
    async () => {
      const route = new TestedRoute()
      route.isMute = dark.has(device)
      routes.set(device, [...(routes.get(device) ?? []), route])
      // The server hears nothing of a connection in the dark, whose first packets are lost.
      if (!route.isMute) take?.(route.ends[1], device)
      return route.ends[0]
    }
  const job = networkedJob({
    ...options,
    clients,
    network: {
      dial,
      async serve(to) {
        take = to
        return () => {
          take = undefined
        }
      },
    },
    clockOf(node) {
      const clock = manualClock()
      clock.advance(aheadMs[node] ?? 0)
      clocks.set(node, clock)
      return clock
    },
  })
  const nodes = () =>
    [['server', job.server] as const, ...devices.map((device) => [device, job.life(device).system] as const)].flatMap(
      ([name, system]) => {
        const clock = clocks.get(name)
        return clock ? [{ system, clock }] : []
      },
    )
  return {
    job,
    /** Loses all frames of a device's connections, of which nobody is told; with `more`, of later ones, too. */
    darken(device: string, more: boolean) {
      if (more) dark.add(device)
      for (const route of routes.get(device) ?? []) route.isMute = true
    },
    lighten: (device: string) => void dark.delete(device),
    /** Lets time pass, until the job is so or the time is over. Answers with the time that has passed. */
    async pass(ms: number, isSo: () => boolean = () => false): Promise<number> {
      let passedMs = 0
      for (; passedMs < ms && !isSo(); passedMs += stepMs) await later(stepMs, nodes(), 1000)
      return passedMs
    },
    /** Lets time pass behind a proxy that cuts connections on which nothing has moved for this time. */
    async idle(ms: number, cutAfterMs: number): Promise<number> {
      const seen = new WeakMap<TestedRoute, { frames: number; sinceMs: number }>()
      let cuts = 0
      for (let nowMs = 0; nowMs < ms; nowMs += stepMs) {
        const present = nodes()
        for (let second = 0; second < stepMs / 1000; second++) {
          for (const { clock } of present) clock.advance(1000)
          // Not until the systems are idle, since one of them is held back.
          for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
        }
        for (const [device, found] of routes)
          for (const route of found) {
            const last = seen.get(route)
            if (last?.frames !== route.frames) seen.set(route, { frames: route.frames, sinceMs: nowMs })
            else if (nowMs - last.sinceMs >= cutAfterMs) {
              cuts += 1
              routes.set(
                device,
                (routes.get(device) ?? []).filter((other) => other !== route),
              )
              route.lose()
            }
          }
      }
      return cuts
    },
  }
}

async function begun(job: ReturnType<typeof networkedJob>): Promise<void> {
  await job.serve()
  await job.join(...devices)
}

async function endsAsInOneProcess(
  t: ExecutionContext,
  { job, pass }: Pick<ReturnType<typeof clockedJob>, 'job' | 'pass'>,
  rounds: number,
): Promise<void> {
  let cause: unknown = 'still running'
  void job.ended.then((ended) => (cause = ended))
  await pass(30 * minuteMs, () => cause !== 'still running')
  t.is(cause, undefined)
  t.deepEqual(resultsOf(job.rounds), resultsOf(await inOneProcess({ clients, rounds })))
  t.deepEqual(job.refused, [])
}

test('a device changes its network in mid-round, and its old connection stays half-open: the round ends within two minutes', async (t) => {
  const rounds = 3
  const gates = trainingGates()
  gates.hold(0, 2)
  const clocked = clockedJob({ rounds, beforeTraining: gates.beforeTraining })
  await using job = clocked.job
  await begun(job)
  await gates.began(0, 2)
  clocked.darken(first, false)
  gates.release(0, 2)
  const passedMs = await clocked.pass(15 * minuteMs, () => job.rounds.length >= 2)
  t.true(passedMs <= 2 * minuteMs, `${passedMs} ms`)
  await endsAsInOneProcess(t, clocked, rounds)
})

test('a device that nobody reaches for 15 minutes is waited for if the job says so', async (t) => {
  const rounds = 3
  const gates = trainingGates()
  gates.hold(0, 2)
  const clocked = clockedJob({
    rounds,
    beforeTraining: gates.beforeTraining,
    limits: { goneAfterMs: 20 * minuteMs },
  })
  await using job = clocked.job
  await begun(job)
  await gates.began(0, 2)
  clocked.darken(first, true)
  gates.release(0, 2)
  await clocked.pass(15 * minuteMs)
  t.is((await job.states())[first], 'away')
  t.is(job.rounds.length, 1)
  clocked.lighten(first)
  await endsAsInOneProcess(t, clocked, rounds)
})

test('by default a device that nobody reaches for 15 minutes loses its task to another, and cleans up when it is back', async (t) => {
  const rounds = 3
  const gates = trainingGates()
  gates.hold(0, 2)
  const clocked = clockedJob({ rounds, mostTasks: 2, fits, beforeTraining: gates.beforeTraining })
  await using job = clocked.job
  await begun(job)
  await gates.began(0, 2)
  clocked.darken(first, true)
  gates.release(0, 2)
  const starts = () => job.reports.filter(({ type, end }) => type === 'task-running' && end === 'trainer-0').length
  await clocked.pass(15 * minuteMs, () => starts() === 2)
  await endsAsInOneProcess(t, clocked, rounds)
  t.is(job.hosted(first), 1)
  clocked.lighten(first)
  await clocked.pass(5 * minuteMs, () => job.hosted(first) === 0)
  t.is(job.hosted(first), 0)

  /** Each device has one task of its own; the first one's may go to the second. */
  function fits(device: string, { end }: { readonly end: string }): boolean {
    return end.at(-1) === device.at(-1) || (end === 'trainer-0' && device === 'device-1')
  }
})

test('a device that is lost for longer than the job waits, and whose task no other may have, is gone: the rounds go on without it', async (t) => {
  const rounds = 2
  const gates = trainingGates()
  gates.hold(0, 1)
  const clocked = clockedJob({ rounds, beforeTraining: gates.beforeTraining })
  await using job = clocked.job
  await begun(job)
  await gates.began(0, 1)
  clocked.darken(first, true)
  gates.release(0, 1)
  let cause: unknown = 'still running'
  void job.ended.then((ended) => (cause = ended))
  const passedMs = await clocked.pass(15 * minuteMs, () => cause !== 'still running')
  t.is(cause, undefined)
  t.true(passedMs < 12 * minuteMs, `${passedMs} ms`)
  const members = ['trainer-1', 'trainer-2']
  t.like(resultsOf(job.rounds), [
    { round: 1, members, notCounted: [{ end: 'trainer-0', reason: 'gone' }] },
    { round: 2, members, notCounted: undefined },
  ])
  const codes = job.reports.map((report) => report.type === 'task-failed' && Object(report.cause).code)
  t.true(codes.includes('SITE_LOST'))
})

for (const [title, beatEveryMs, isCut] of [
  ['that cuts idle connections after 60 s is never idle', 30_000, false],
  ['that cuts connections faster than nodes beat costs connections, and nothing of the job', 300_000, true],
] as const)
  test(`12 hours between two rounds, behind a proxy: one ${title}`, async (t) => {
    const rounds = 2
    let goOn = () => {}
    const held = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const clocked = clockedJob({
      rounds,
      link: { beatEveryMs },
      onRound: ({ round }) => (round === 1 ? held : undefined),
    })
    await using job = clocked.job
    await begun(job)
    await job.committed(1)
    const cuts = await clocked.idle(12 * hourMs, minuteMs)
    t.is(cuts > 100, isCut, `${cuts} cuts`)
    if (!isCut) for (const device of devices) t.deepEqual(job.life(device).states, ['open'])
    goOn()
    await endsAsInOneProcess(t, clocked, rounds)
  })

test('devices whose clocks are a day ahead or behind take part as all others', async (t) => {
  const rounds = 3
  const dayMs = 24 * hourMs
  const clocked = clockedJob({ rounds }, { server: dayMs, [first]: 2 * dayMs, 'device-1': 0, 'device-2': dayMs })
  await using job = clocked.job
  await begun(job)
  await endsAsInOneProcess(t, clocked, rounds)
})
