import type { ActorRef, Behavior, Terminated } from '../../../runtime/index.ts'
import { forgetRole } from '../../../sdk/index.ts'
import type { Deployer, DeploymentMessage } from '../../deployers/deployer.ts'
import { causeOf, controllerError, isInterruption } from '../../deployers/errors.ts'
import type { EventCause, JobEvent } from '../../model/job-event.ts'
import { endedNames, type JobStateName } from '../../model/job-states.ts'
import type { TaskStatus } from '../../model/task.ts'
import { tasksOf } from '../../records/job-records.ts'
import type { TaskRecord } from '../../records/record-models.ts'
import { asking } from '../../requests/requests.ts'
import { endLease } from '../leases/leases.ts'
import { deployableJob } from './deployable-job.ts'
import { leasedJob, wayTo } from './leased-job.ts'
import { leasedTasks } from './leased-tasks.ts'
import { failures, type Outcome, outcomeOf } from './outcome.ts'
import type { HeldLease, JobMessage, JobParts } from './protocol.ts'

interface End {
  readonly state: 'completed' | 'failed' | 'terminated'
  readonly cause?: EventCause
}

/** Of a job with more tasks only failures are told: the others would push the events of its rounds out of the journal. */
const mostToldTasks = 1000

/** How long an event may take to be durable. */
const eventTimeoutMs = 60_000

/**
 * Brings a job from its start to its end, or from where another actor left it: writes the states of the job and of its tasks,
 * and keeps its deployment. Stops when the job is at rest and its lease is given back. Throws LEASE_LOST when another server
 * has the job: then it touches nothing more. Fails with an interruption when what it needs can't be written at present.
 */
export function job(lease: HeldLease, parts: JobParts): Behavior<JobMessage> {
  const { store, collections, now, places } = parts

  return async (context) => {
    const ask = asking(context, parts.events, { timeoutMs: eventTimeoutMs })
    const document = await context.track(leasedJob(collections, now, lease))
    const tasks = leasedTasks(collections, { now, clock: context.clock }, lease, document.value.expansion)
    /** The last state of the job that was told, and done. */
    let heeded: JobStateName | undefined
    let deployer: Deployer | undefined
    let deployment: ActorRef<DeploymentMessage> | undefined
    let ending: End | undefined
    let isToConsider = false
    const failed = failures()
    const deployable = () => deployableJob(collections, lease, document.value, tasks.all())

    await context.track(begin())
    return (message) => {
      switch (message.type) {
        // Many of these come at once, and aren't waited for: so they are written together.
        case 'task-status':
          return void tasks.store(message.task, message.status).then(
            (changed) => changed && noted(changed, message.status, message.cause),
            (cause: unknown) => context.fail(cause),
          )
        case 'event':
          return void record(message.event).then(
            () => message.recorded?.tell(null),
            (cause: unknown) => context.fail(cause),
          )
        default:
          return context.track(handle(message))
      }
    }

    async function handle(message: Exclude<JobMessage, { type: 'task-status' | 'event' }>): Promise<void> {
      switch (message.type) {
        case 'place-given':
          return deploy()
        case 'placed':
          if (document.value.state === 'starting') {
            await enter('deploying', { placedAt: now() })
            watchTime()
          } else if (document.value.state === 'applying') await enter('running')
          return consider()
        case 'task-reported':
          if (tasks.note(message.task)) noted(message.task, message.status)
          return deployment?.tell({ type: 'task-reported', task: message.task.taskId, status: message.status })
        case 'consider':
          isToConsider = false
          return consider()
        case 'look':
          return look()
        case 'time-over': {
          const seconds = document.value.spec.maxRunTime
          return end({
            state: 'terminated',
            cause: causeOf(controllerError('JOB_TIME_OVER', { seconds }), 'JOB_FAULT'),
          })
        }
        case 'deployment-failed':
          if (isInterruption(message.cause)) throw message.cause
          return end({ state: 'failed', cause: causeOf(message.cause, 'JOB_DEPLOYMENT_FAILED') })
        case 'deployment-ended':
          return deploymentEnded(message.terminated)
      }
    }

    async function begin(): Promise<void> {
      const { state, resetTasks } = document.value
      // A lease was left over.
      if (state === 'ready' || endedNames.includes(state)) return conclude()
      await tasks.load(lease.takenOver)
      if (lease.fault) return giveUp(lease.fault.cause)
      if (resetTasks) {
        await tasks.reset()
        await document.tasksAreReset()
      }
      deployer = parts.deployerOf(await deployable())
      const { spec, startedAt = now() } = document.value
      const giveBack =
        state === 'starting'
          ? places.request({
              deployer,
              priority: spec.priority ?? 'medium',
              startedAt,
              given: () => context.self.tell({ type: 'place-given' }),
            })
          : places.take(deployer)
      context.signal.addEventListener('abort', giveBack, { once: true })
      if (state !== 'starting') {
        await deploy()
        watchTime()
      }
      await heed()
      return consider()
    }

    /** Only tells what may still run of the job to stop. */
    async function giveUp(fault: unknown): Promise<void> {
      const how: End = { state: 'failed', cause: causeOf(fault, 'JOB_FAULT') }
      try {
        deployer = parts.deployerOf(await deployable())
        if (document.value.state !== 'starting') await deploy()
      } catch {
        // That may be the fault itself, and the job has to end all the same.
      }
      end(how)
      return deployment ? undefined : finish()
    }

    async function deploy(): Promise<void> {
      if (!deployer || deployment || ending) return
      const behavior = deployer.deployment(await deployable(), context.self)
      deployment = context.spawn('deployment', behavior, { supervise: { type: 'stop' } })
      context.watch(deployment, (terminated) => ({ type: 'deployment-ended', terminated }))
    }

    /** What of the maximal run time is left. */
    function watchTime(): void {
      const { spec, placedAt } = document.value
      if (spec.maxRunTime === undefined || placedAt === undefined) return
      const passedMs = Date.parse(now()) - Date.parse(placedAt)
      context.after(Math.max(0, spec.maxRunTime * 1000 - passedMs), { type: 'time-over' })
    }

    /** A task's state has changed. */
    function noted(task: TaskRecord, status: TaskStatus, cause?: EventCause): void {
      const { taskId, end: name, state } = task
      if (status.state === 'failed') failed.note(task, cause)
      if (tasks.count <= mostToldTasks || status.state === 'failed')
        tellEvent({ type: 'task', task: taskId, end: name, state: status.state })
      if (isToConsider || state === 'ready') return
      isToConsider = true
      context.self.tell({ type: 'consider' })
    }

    async function consider(): Promise<void> {
      if (ending || !deployment) return
      if (document.value.state === 'deploying' && tasks.all().some(({ state }) => state !== 'ready'))
        await enter('running')
      const outcome = document.value.state === 'stopping' ? undefined : outcomeOf(tasks.all())
      if (outcome) end(endOf(outcome))
    }

    async function look(): Promise<void> {
      await document.refresh()
      for (const task of await tasks.changed()) {
        const { taskId, state, log } = task
        if (state === 'ready' || !isReported(state)) continue
        const status = { state, ...(log === undefined ? {} : { log }) }
        noted(task, status)
        deployment?.tell({ type: 'task-reported', task: taskId, status })
      }
      await heed()
      // It waited for its place.
      if (document.value.state === 'stopping' && !deployment) await finish()
    }

    /** Tells the job's state, and does what it asks of the deployment, once. */
    async function heed(): Promise<void> {
      const { state } = document.value
      if (state === heeded || endedNames.includes(state)) return
      heeded = state
      tellEvent({ type: 'state', state })
      if (state === 'applying') deployment?.tell({ type: 'apply', job: await deployable() })
      if (state === 'stopping') deployment?.tell({ type: 'stop' })
    }

    function endOf(outcome: Outcome): End {
      return outcome.state === 'completed' ? outcome : { state: 'failed', cause: failed.causeOf(outcome, tasks.all()) }
    }

    /** Decides how the job ends, once: it does when nothing of it runs any more. */
    function end(how: End): void {
      ending ??= how
      deployment?.tell({ type: 'stop' })
    }

    async function deploymentEnded({ cause }: Terminated): Promise<void> {
      deployment = undefined
      await tasks.settled()
      if (isInterruption(cause)) throw cause
      if (cause !== undefined) ending ??= { state: 'failed', cause: causeOf(cause, 'JOB_DEPLOYMENT_FAILED') }
      if (!ending && document.value.state !== 'stopping') {
        ending = endOf(outcomeOf(tasks.all()) ?? { state: 'failed', role: unfinishedRole(), allFailed: false })
      }
      return finish()
    }

    function unfinishedRole(): string {
      return tasks.all().find(({ state }) => !endedNames.includes(state))?.role ?? 'task'
    }

    /** Nothing of the job runs any more: its tasks and itself come to their end. */
    async function finish(): Promise<void> {
      const log = ending?.cause && `${ending.cause.code}: ${ending.cause.message}`
      for (const task of await tasks.terminateLeft(log)) noted(task, { state: 'terminated' })
      while (!endedNames.includes(document.value.state)) {
        const wanted = document.value.state === 'stopping' ? 'terminated' : (ending?.state ?? 'terminated')
        const [next = wanted] = wayTo(document.value.state, wanted)
        const cause = next === ending?.state ? ending.cause : undefined
        await enter(next, cause === undefined ? {} : { cause })
      }
      return conclude()
    }

    /** The job is at rest: what is left of its running goes. Done again if a crash cuts it off. */
    async function conclude(): Promise<void> {
      const { state, run, cause } = document.value
      if (endedNames.includes(state)) await record({ type: 'state', state, ...(cause === undefined ? {} : { cause }) })
      if (state === 'completed' && run !== undefined) {
        // The others keep what more rounds would go on from.
        const ended = await tasksOf(collections, { id: lease.job, value: document.value })
        const consumers = ended.filter(({ dataset }) => dataset !== undefined)
        await Promise.all(consumers.map(({ end: name }) => forgetRole(store, run, name)))
      }
      await endLease(collections, lease)
      context.stop()
    }

    async function enter(state: JobStateName, change: Parameters<typeof document.move>[1] = {}): Promise<void> {
      await document.move(state, change)
      await heed()
    }

    function tellEvent(event: JobEvent): void {
      void record(event).catch((cause: unknown) => context.fail(cause))
    }

    function record(event: JobEvent): Promise<number> {
      return ask<number>((replyTo) => ({ type: 'record-event', job: lease.job, event, replyTo }))
    }
  }
}

function isReported(state: JobStateName): state is TaskStatus['state'] {
  return state === 'running' || state === 'failed' || state === 'terminated' || state === 'completed'
}
