import type { ActorRef, Behavior, Store, Terminated } from '../../../runtime/index.ts'
import { type Behind, forgetRole } from '../../../sdk/index.ts'
import type { DeployableJob, Deployer, DeploymentMessage, DeploymentReport } from '../../deployers/deployer.ts'
import { causeOf, controllerError, isInterruption } from '../../deployers/errors.ts'
import type { EventsMessage } from '../../events/events.ts'
import type { EventCause, JobEvent } from '../../model/job-event.ts'
import { endedNames, type JobStateName } from '../../model/job-states.ts'
import type { TaskStatus } from '../../model/task.ts'
import type { Collections } from '../../records/collections.ts'
import { tasksOf } from '../../records/job-records.ts'
import type { ModelUploads } from '../../records/parts.ts'
import type { TaskRecord } from '../../records/record-models.ts'
import { asking } from '../../requests/requests.ts'
import { endLease, type HeldLease } from '../leases/leases.ts'
import type { JobSlots } from './job-slots.ts'
import { leasedJob, wayTo } from './leased-job.ts'
import { leasedTasks } from './leased-tasks.ts'
import { failures, type Verdict, verdictOf } from './verdict.ts'

/** Messages to a job's actor. */
export type JobMessage =
  | DeploymentReport
  | { readonly type: 'slot-given' }
  /** Another actor or server has changed the job's document or its tasks. */
  | { readonly type: 'look' }
  /** A flamelet's report is stored. */
  | { readonly type: 'task-reported'; readonly task: TaskRecord; readonly status: TaskStatus }
  | { readonly type: 'consider' }
  | { readonly type: 'time-over' }
  | { readonly type: 'deployment-ended'; readonly terminated: Terminated }
  | { readonly type: 'uploaded'; readonly behind: Behind }
  | { readonly type: 'upload-time-over' }

/** Parts that the job actors of a server share. */
export interface JobParts {
  readonly store: Store
  readonly collections: Collections
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  readonly slots: JobSlots
  readonly deployerOf: (job: DeployableJob) => Deployer
  readonly events: ActorRef<EventsMessage>
  /**
   * Remove the roles' snapshots and journals at each end of a job, so that a next start begins anew. Default: false.
   */
  readonly forgetsEnded?: boolean
  /** Moves models to a registry that may be away. Absent: models are where they belong once their rounds are committed. */
  readonly uploads?: ModelUploads
}

interface End {
  readonly state: 'completed' | 'failed' | 'terminated'
  readonly cause?: EventCause
}

/**
 * How far a job's actor has come on this server. From `beginning` a job goes to `waiting` if it was just started, and to
 * `deployed` if it was under way; from `waiting` to `deployed`, or to `over` if a person stops the job; from `deployed` to
 * `ending` when its end is decided, and to `over` when the deployment has ended; a job that has completed is `uploading`
 * before, where its models move to another registry.
 */
type Phase =
  | { readonly name: 'beginning' }
  /** The job is in the queue for a slot of its deployer. */
  | { readonly name: 'waiting'; readonly deployer: Deployer }
  /** The tasks run, or are about to; `isVerdictDue`: a message to consider the tasks is on its way. */
  | { readonly name: 'deployed'; readonly deployment: ActorRef<DeploymentMessage>; readonly isVerdictDue: boolean }
  /** The deployment is stopping; after that the job ends as decided. */
  | { readonly name: 'ending'; readonly deployment: ActorRef<DeploymentMessage>; readonly end: End }
  /** No task of the job runs any more; the job is completed once the registry has its models. */
  | { readonly name: 'uploading'; readonly end: End; readonly waiting: AbortController }
  /** No task of the job runs any more. */
  | { readonly name: 'over' }

/**
 * A job with more tasks records only failures of tasks: other events of tasks would push its rounds out of the journal.
 */
const mostToldTasks = 1000

/** Longest time until an event is durable. */
const eventTimeoutMs = 60_000

/**
 * Brings a job from its start, or from where another actor left it, to its end: writes the states of the job and of its
 * tasks, and keeps its deployment. The actor stops when the job is at rest and the lease is given back. It throws
 * LEASE_LOST when another server has the job, and writes nothing more. It fails with an interruption while a store or
 * registry can't be written.
 */
export function job(lease: HeldLease, parts: JobParts): Behavior<JobMessage> {
  const { store, collections, now, slots } = parts

  return async (context) => {
    const ask = asking(context, parts.events, { timeoutMs: eventTimeoutMs })
    const document = await context.track(leasedJob(collections, now, lease))
    const tasks = leasedTasks(collections, { now, clock: context.clock }, lease, document.value.expansion)
    const failed = failures()
    /** Gives the slot of the job's deployer back. */
    let leaveSlot = () => {}
    context.signal.addEventListener('abort', () => leaveSlot(), { once: true })
    let phase: Phase = { name: 'beginning' }
    const deployable = () => document.deployable(tasks.all())
    const fail = (cause: unknown) => context.fail(cause)
    const changedTask = (task: TaskRecord | undefined, status: TaskStatus, cause?: EventCause) => {
      if (task) noted(task, status, cause)
    }

    await context.track(begin())
    return (message) => {
      switch (message.type) {
        // Many messages of these two types come at once. The actor waits for none of them, so that the store writes
        // them together.
        case 'task-status':
          return tasks.store(
            message.task,
            message.status,
            message.cause ? (changed, status) => changedTask(changed, status, message.cause) : changedTask,
            fail,
          )
        case 'event':
          return void record(message.event).then(
            () => message.recorded?.tell(null),
            (cause: unknown) => context.fail(cause),
          )
        case 'store-statuses':
          return void tasks.settled().then(() => message.stored.tell(null), fail)
        case 'slot-given':
          if (phase.name !== 'waiting') return
          return context.track(document.value.state === 'stopping' ? finish(undefined) : deploy(phase.deployer))
        case 'placed':
          return context.track(placed())
        case 'task-reported':
          if (tasks.note(message.task)) noted(message.task, message.status)
          return toDeployment({ type: 'task-reported', task: message.task.taskId, status: message.status })
        case 'consider':
          if (phase.name === 'deployed') phase = { ...phase, isVerdictDue: false }
          return context.track(consider())
        case 'look':
          return context.track(look())
        case 'time-over':
          return decide({ state: 'terminated', cause: timeOver() })
        case 'deployment-failed':
          if (isInterruption(message.cause)) throw message.cause
          return decide({ state: 'failed', cause: causeOf(message.cause, 'JOB_DEPLOYMENT_FAILED') })
        case 'deployment-ended':
          return context.track(deploymentEnded(message.terminated))
        case 'uploaded':
          return context.track(uploaded(message.behind))
        case 'upload-time-over':
          if (phase.name === 'uploading') phase.waiting.abort()
          return
      }
    }

    async function begin(): Promise<void> {
      const { state, resetTasks } = document.value
      // A crash left the lease of a job at rest.
      if (state === 'ready' || endedNames.includes(state)) return conclude()
      await tasks.load(lease.takenOver)
      if (lease.fault) return giveUp(lease.fault.cause)
      if (resetTasks) {
        await tasks.reset()
        await document.tasksAreReset()
      }
      const deployer = parts.deployerOf(await deployable())
      const { spec, startedAt = now() } = document.value
      if (state === 'starting') {
        phase = { name: 'waiting', deployer }
        const request = { deployer, priority: spec.priority ?? 'medium', startedAt, job: context.self }
        leaveSlot = slots.request(request)
      } else {
        leaveSlot = slots.take(deployer)
        await deploy(deployer)
        watchTime()
      }
      await heed()
      return consider()
    }

    /** Fails the job with a fault of its actor. The deployment stops tasks that may still run. */
    async function giveUp(fault: unknown): Promise<void> {
      const end: End = { state: 'failed', cause: causeOf(fault, 'JOB_FAULT') }
      try {
        const deployer = parts.deployerOf(await deployable())
        if (document.value.state !== 'starting') await deploy(deployer)
      } catch {
        // Deploying may be the fault itself. The job must end all the same.
      }
      return phase.name === 'deployed' ? decide(end) : finish(end)
    }

    async function deploy(deployer: Deployer): Promise<void> {
      const behavior = deployer.deployment(await deployable(), context.self)
      const deployment = context.spawn('deployment', behavior, { supervise: { type: 'stop' } })
      context.watch(deployment, (terminated) => ({ type: 'deployment-ended', terminated }))
      phase = { name: 'deployed', deployment, isVerdictDue: false }
    }

    function toDeployment(message: DeploymentMessage): void {
      if ('deployment' in phase) phase.deployment.tell(message)
    }

    /** Handles `placed`: the deployment has told tasks to start, or to apply the job's update. */
    async function placed(): Promise<void> {
      if (document.value.state === 'starting') {
        await enter('deploying', { placedAt: now() })
        watchTime()
      } else if (document.value.state === 'applying') await enter('running')
      return consider()
    }

    /** Ends the job when the rest of its maximal run time is over. */
    function watchTime(): void {
      const { spec, placedAt } = document.value
      if (spec.maxRunTime === undefined || placedAt === undefined) return
      const passedMs = Date.parse(now()) - Date.parse(placedAt)
      context.after(Math.max(0, spec.maxRunTime * 1000 - passedMs), { type: 'time-over' })
    }

    function timeOver(): EventCause {
      return causeOf(controllerError('JOB_TIME_OVER', { seconds: document.value.spec.maxRunTime }), 'JOB_FAULT')
    }

    /** Records a change of a task's state, and has the job's verdict considered. */
    function noted(task: TaskRecord, status: TaskStatus, cause?: EventCause): void {
      const { taskId, end: name, state } = task
      if (status.state === 'failed') failed.note(task, cause)
      if (tasks.count <= mostToldTasks || status.state === 'failed')
        tellEvent({ type: 'task', task: taskId, end: name, state: status.state })
      if (phase.name !== 'deployed' || phase.isVerdictDue || state === 'ready') return
      phase = { ...phase, isVerdictDue: true }
      context.self.tell({ type: 'consider' })
    }

    /** Decides by the states of the tasks whether the job runs, and how it ends. */
    async function consider(): Promise<void> {
      if (phase.name !== 'deployed') return
      if (document.value.state === 'deploying' && [...tasks.counts.values()].some(({ begun }) => begun > 0))
        await enter('running')
      const verdict = document.value.state === 'stopping' ? undefined : verdictOf(tasks.counts)
      if (verdict) decide(endBy(verdict))
    }

    /** Heeds a person's request, and takes note of reports that flamelets have sent to other servers. */
    async function look(): Promise<void> {
      const before = document.value.state
      await document.refresh()
      for (const task of await tasks.changed()) {
        const { taskId, state, log } = task
        if (state === 'ready' || !isReported(state)) continue
        const status = { state, ...(log === undefined ? {} : { log }) }
        noted(task, status)
        toDeployment({ type: 'task-reported', task: taskId, status })
      }
      if (document.value.state !== before) await heed()
      if (document.value.state === 'stopping' && phase.name === 'waiting') await finish(undefined)
    }

    /** Records the job's state as an event, and tells the deployment to apply an update, or to stop. */
    async function heed(): Promise<void> {
      const { state } = document.value
      if (endedNames.includes(state)) return
      tellEvent({ type: 'state', state })
      if (state === 'applying') toDeployment({ type: 'apply', job: await deployable() })
      if (state === 'stopping') toDeployment({ type: 'stop' })
      if (state === 'stopping' && phase.name === 'uploading') phase.waiting.abort()
    }

    function endBy(verdict: Verdict): End {
      return verdict.state === 'completed' ? verdict : { state: 'failed', cause: failed.causeOf(verdict, tasks.all()) }
    }

    /**
     * Decides the end of the job; only the first decision counts. The job ends when none of its tasks runs any more.
     */
    function decide(end: End): void {
      if (phase.name === 'deployed') phase = { name: 'ending', deployment: phase.deployment, end }
      toDeployment({ type: 'stop' })
    }

    async function deploymentEnded({ cause }: Terminated): Promise<void> {
      const decided = phase.name === 'ending' ? phase.end : undefined
      phase = { name: 'over' }
      await tasks.settled()
      if (isInterruption(cause)) throw cause
      if (decided) return decided.state === 'completed' ? upload(decided) : finish(decided)
      if (cause !== undefined) return finish({ state: 'failed', cause: causeOf(cause, 'JOB_DEPLOYMENT_FAILED') })
      if (document.value.state === 'stopping') return finish(undefined)
      const end = endBy(verdictOf(tasks.counts) ?? { state: 'failed', role: unfinishedRole(), allFailed: false })
      return end.state === 'completed' ? upload(end) : finish(end)
    }

    /** Waits until the registry has the models of a completed job. Another job may have the slot meanwhile. */
    async function upload(end: End): Promise<void> {
      const { uploads } = parts
      const { run, spec } = document.value
      if (!uploads || run === undefined || document.value.state === 'stopping') return finish(end)
      leaveSlot()
      const waiting = new AbortController()
      phase = { name: 'uploading', end, waiting }
      context.signal.addEventListener('abort', () => waiting.abort(), { once: true })
      context.after(uploads.mostWaitMs, { type: 'upload-time-over' })
      void context.track(uploads.settled({ run, spec }, waiting.signal)).then(
        (behind) => context.self.tell({ type: 'uploaded', behind }),
        (cause: unknown) => context.fail(cause),
      )
    }

    async function uploaded({ rounds, error }: Behind): Promise<void> {
      if (phase.name !== 'uploading') return
      if (rounds > 0) {
        const reason = error ? `${error.code}: ${error.message}` : 'its upload was not over in time'
        const { code, message, hint } = controllerError('JOB_MODELS_BEHIND', { rounds, reason })
        await record({ type: 'notice', end: document.value.spec.designId, code, message, hint })
      }
      return finish(phase.end)
    }

    function unfinishedRole(): string {
      return tasks.all().find(({ state }) => !endedNames.includes(state))?.role ?? 'task'
    }

    /** Ends the tasks and the job, after all tasks have stopped. `end` undefined: a person has stopped the job. */
    async function finish(end: End | undefined): Promise<void> {
      phase = { name: 'over' }
      const log = end?.cause && `${end.cause.code}: ${end.cause.message}`
      for (const task of await tasks.terminateLeft(log)) noted(task, { state: 'terminated' })
      while (!endedNames.includes(document.value.state)) {
        const wanted = document.value.state === 'stopping' ? 'terminated' : (end?.state ?? 'terminated')
        const [next = wanted] = wayTo(document.value.state, wanted)
        const cause = next === end?.state ? end.cause : undefined
        await enter(next, cause === undefined ? {} : { cause })
      }
      return conclude()
    }

    /**
     * Removes state that a job at rest doesn't need, and gives the lease back. After a crash the next owner repeats it.
     */
    async function conclude(): Promise<void> {
      const { state, run, cause } = document.value
      if (endedNames.includes(state)) await record({ type: 'state', state, ...(cause === undefined ? {} : { cause }) })
      const isOver = parts.forgetsEnded ? endedNames.includes(state) : state === 'completed'
      if (isOver && run !== undefined) {
        const ended = await tasksOf(collections, { id: lease.job, value: document.value })
        // Roles without datasets keep their state by default, so that more rounds can go on from it.
        const forgotten = parts.forgetsEnded ? ended : ended.filter(({ dataset }) => dataset !== undefined)
        await Promise.all(forgotten.map(({ end: name }) => forgetRole(store, run, name)))
      }
      await endLease(collections, lease)
      context.stop()
    }

    /** Moves the job to a state. If a person has moved the job meanwhile, heeds the person's state. */
    async function enter(state: JobStateName, change: Parameters<typeof document.move>[1] = {}): Promise<void> {
      const before = document.value.state
      await document.move(state, change)
      if (document.value.state !== before) await heed()
    }

    function tellEvent(event: JobEvent): void {
      void record(event).catch((cause: unknown) => context.fail(cause))
    }

    function record(event: JobEvent): Promise<number> {
      const { run, spec } = document.value
      if (event.type === 'round' && run !== undefined) parts.uploads?.wake({ run, spec })
      return ask<number>((replyTo) => ({ type: 'record-event', job: lease.job, event, replyTo }))
    }
  }
}

function isReported(state: JobStateName): state is TaskStatus['state'] {
  return state === 'running' || state === 'failed' || state === 'terminated' || state === 'completed'
}
