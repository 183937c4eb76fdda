import type { ActorRef, Behavior, CodedError, Store } from '../../../runtime/index.ts'
import { defaultCompute, shortList } from '../../../sdk/index.ts'
import { isTrusted, mayRun } from '../../catalogue/compute-trust.ts'
import { openDeployment } from '../../catalogue/deployments.ts'
import { flameletsServing } from '../../flamelets/served-computes.ts'
import { endedNames } from '../../model/job-states.ts'
import type { NotifierMessage } from '../../notifier/notifier.ts'
import { collectionsOf } from '../../records/collections.ts'
import type { TrustedAdmins } from '../../records/parts.ts'
import type { TaskRecord } from '../../records/record-models.ts'
import { asking } from '../../requests/requests.ts'
import {
  type DeployableJob,
  type Deployer,
  type DeploymentMessage,
  type DeploymentReport,
  deployerBy,
} from '../deployer.ts'
import { flameletError, placementError } from '../errors.ts'
import { assignedTasks, flameletStateBy } from './assigned-tasks.ts'

type FlameletsDeploymentMessage =
  | DeploymentMessage
  | { readonly type: 'begin' }
  | { readonly type: 'look' }
  | { readonly type: 'placement-overdue' }
  | { readonly type: 'grace-over' }

/** Longest time until a notification is durable. */
const notifyTimeoutMs = 60_000

/**
 * Runs a job's tasks on flamelets. First it tells computes to start flamelets, then each flamelet that is there to
 * start its task. At the end it tells flamelets to stop, and computes to remove the flamelets. Each recipient is told
 * once for each start of the job, even if the job is deployed again after a crash.
 */
function flameletsDeployment(
  deployed: DeployableJob,
  reports: ActorRef<DeploymentReport>,
  {
    store,
    notifier,
    now,
    computeAdmins,
    lookAgainMs = 500,
    placementMs = 600_000,
    stopGraceMs = 30_000,
  }: FlameletsParts,
): Behavior<FlameletsDeploymentMessage> {
  return (context) => {
    const collections = collectionsOf(store)
    const ask = asking(context, notifier, { timeoutMs: notifyTimeoutMs })
    const { id: job, start, user } = deployed
    /** Tasks that haven't ended. */
    const left = new Map(deployed.tasks.filter(({ state }) => !endedNames.includes(state)).map((t) => [t.taskId, t]))
    const running = new Set([...left.values()].filter(({ state }) => state === 'running').map(({ taskId }) => taskId))
    /** Tasks whose flamelets were told to start. */
    const started = new Set<string>()
    const awaited = new Map<string, TaskRecord>()
    /** Tasks without a compute and without a report so far: any holder of a task's key may start its flamelet. */
    const unclaimed = new Map<string, TaskRecord>()
    let computes: readonly string[] = []
    let isTimed = false
    let lastRefusal: CodedError | undefined
    let isStopping = false
    let isPlaced = false

    context.self.tell({ type: 'begin' })
    return (message) => context.track(handle(message))

    async function handle(message: FlameletsDeploymentMessage): Promise<void> {
      switch (message.type) {
        case 'begin':
          return begin()
        case 'look':
          return isStopping ? undefined : look()
        case 'apply':
          await Promise.all([...started].filter((task) => left.has(task)).map((task) => notifyTask('UPDATE_JOB', task)))
          return reports.tell({ type: 'placed' })
        case 'task-reported':
          return noteReport(message)
        case 'stop':
          return stop()
        case 'placement-overdue':
          return isStopping ? undefined : giveUpAwaited()
        case 'grace-over':
          return finish()
      }
    }

    async function begin(): Promise<void> {
      const named = [...new Set(deployed.tasks.map(({ computeId }) => computeId))]
      const registered = await Promise.all(named.map((compute) => collections.computes.get(compute)))
      const known = new Map(registered.flatMap((found) => (found ? [[found.id, found.value] as const] : [])))
      const isServed = (task: TaskRecord) => {
        const compute = known.get(task.computeId)
        return compute !== undefined && mayRun(computeAdmins, compute, task, user)
      }
      const assigned = assignedTasks([...left.values()], isServed)
      // Includes computes whose tasks have all ended: a crash may have come before they were told to remove the
      // flamelets.
      computes = [...new Set(deployed.tasks.filter(isServed).map(({ computeId }) => computeId))]
      for (const tasks of assigned.computes.values()) for (const task of tasks) awaited.set(task.taskId, task)
      for (const task of assigned.direct) if (!running.has(task.taskId)) unclaimed.set(task.taskId, task)
      for (const task of assigned.lost)
        refuse(
          task,
          flameletError(
            known.has(task.computeId) ? 'FLAMELET_COMPUTE_FOREIGN' : 'FLAMELET_COMPUTE_GONE',
            namesOf(task),
          ),
        )
      await Promise.all([...computes.map(addResource), ...assigned.direct.map(startTask)])
      await look()
      await tellAwaited()
    }

    async function addResource(compute: string): Promise<void> {
      // The record must be there before the compute can answer.
      await openDeployment(collections, now, { compute, job, start })
      await notifyCompute('ADD_RESOURCE', compute)
    }

    /** Gives the unclaimed tasks to the compute `default`, once it is registered and trusted. */
    async function lookForCompute(): Promise<void> {
      const found = unclaimed.size === 0 ? undefined : await collections.computes.get(defaultCompute)
      if (!found || !isTrusted(computeAdmins, found.value, { userId: user })) return
      for (const [id, task] of unclaimed) awaited.set(id, task)
      unclaimed.clear()
      computes = [...computes, defaultCompute]
      await addResource(defaultCompute)
    }

    /** Records an event that names the ends whose flamelets the job waits for. */
    async function tellAwaited(): Promise<void> {
      for (const [awaitedCode, tasks] of [
        ['FLAMELETS_AWAITED', unclaimed],
        ['COMPUTES_AWAITED', awaited],
      ] as const) {
        if (tasks.size === 0) continue
        const ends = shortList(new Set([...tasks.values()].map(({ end }) => end)))
        const named = new Set([...tasks.values()].map(({ computeId }) => computeId))
        const joined = await flameletsServing(store, [...named])
        const computes = shortList(named)
        const { code, message, hint } =
          joined.length > 0
            ? placementError('FLAMELETS_ELSEWHERE', { ends, computes, names: shortList(new Set(joined)) })
            : flameletError(awaitedCode, { ends, computes })
        reports.tell({ type: 'event', event: { type: 'notice', end: deployed.spec.designId, code, message, hint } })
      }
    }

    /**
     * Reads the computes' reports: starts the tasks whose flamelets are there, and fails the tasks that were refused.
     */
    async function look(): Promise<void> {
      await lookForCompute()
      if (awaited.size > 0 && !isTimed) {
        isTimed = true
        context.after(placementMs, { type: 'placement-overdue' })
      }
      const waiting = new Set([...awaited.values()].map(({ computeId }) => computeId))
      const found = await Promise.all([...waiting].map((compute) => collections.deployments.get(`${compute}/${job}`)))
      const told = new Map(found.flatMap((deployment) => Object.entries(deployment?.value.statuses ?? {})))
      const there: TaskRecord[] = []
      for (const [id, task] of awaited) {
        const state = flameletStateBy(told.get(id))
        if (state === 'awaited') continue
        awaited.delete(id)
        if (state === 'there') there.push(task)
        if (state === 'refused') refuse(task, flameletError('FLAMELET_NOT_PLACED', namesOf(task)))
      }
      await Promise.all(there.map(startTask))
      if (started.size > 0) tellPlaced()
      if (awaited.size > 0) return void context.after(lookAgainMs, { type: 'look' })
      if (unclaimed.size > 0) context.after(lookAgainMs, { type: 'look' })
      if (isPlaced || !lastRefusal) {
        tellPlaced()
        return left.size === 0 ? finish() : undefined
      }
      const cause = flameletError('FLAMELETS_NONE_PLACED', { reason: lastRefusal.message }, { cause: lastRefusal })
      reports.tell({ type: 'deployment-failed', cause })
      return finish()
    }

    function tellPlaced(): void {
      if (!isPlaced) reports.tell({ type: 'placed' })
      isPlaced = true
    }

    /** Fails the tasks whose computes haven't answered in time. */
    function giveUpAwaited(): void {
      for (const task of awaited.values())
        refuse(task, flameletError('FLAMELET_PLACE_OVERDUE', { ...namesOf(task), seconds: placementMs / 1000 }))
      awaited.clear()
    }

    function refuse(task: TaskRecord, cause: CodedError): void {
      lastRefusal = cause
      left.delete(task.taskId)
      const { code, message, hint } = cause
      const status = { state: 'failed', log: message } as const
      reports.tell({ type: 'task-status', task: task.taskId, status, cause: { code, message, hint } })
    }

    async function startTask({ taskId }: TaskRecord): Promise<void> {
      started.add(taskId)
      await notifyTask('START_JOB', taskId)
    }

    async function noteReport({
      task,
      status,
    }: Extract<FlameletsDeploymentMessage, { type: 'task-reported' }>): Promise<void> {
      unclaimed.delete(task)
      awaited.delete(task)
      if (status.state === 'running') running.add(task)
      else {
        running.delete(task)
        left.delete(task)
      }
      if (left.size === 0 || (isStopping && running.size === 0)) return finish()
    }

    async function stop(): Promise<void> {
      if (isStopping) return
      isStopping = true
      await Promise.all([...started].filter((task) => left.has(task)).map((task) => notifyTask('STOP_JOB', task)))
      // A flamelet that never reported "running" won't report its stop either.
      if (running.size === 0) return finish()
      context.after(stopGraceMs, { type: 'grace-over' })
    }

    async function finish(): Promise<void> {
      await Promise.all(computes.map((compute) => notifyCompute('REVOKE_RESOURCE', compute)))
      context.stop()
    }

    function notifyTask(type: 'START_JOB' | 'STOP_JOB' | 'UPDATE_JOB', task: string): Promise<null> {
      // After a crash the same update is notified again, which is harmless: a flamelet that fetches its task twice gets
      // the same.
      const once = type === 'UPDATE_JOB' ? {} : { occasion: start }
      return ask((replyTo) => ({
        type: 'notify',
        recipient: { type: 'task', job, task },
        notification: { type, jobId: job, taskId: task },
        ...once,
        replyTo,
      }))
    }

    function notifyCompute(type: 'ADD_RESOURCE' | 'REVOKE_RESOURCE', compute: string): Promise<null> {
      return ask((replyTo) => ({
        type: 'notify',
        recipient: { type: 'compute', compute },
        notification: { type, jobId: job, computeId: compute },
        occasion: start,
        replyTo,
      }))
    }
  }
}

function namesOf({ end, computeId }: TaskRecord) {
  return { end, compute: computeId }
}

export interface FlameletsParts {
  readonly store: Store
  readonly notifier: ActorRef<NotifierMessage>
  /** Wall-clock time as RFC 3339. */
  readonly now: () => string
  /** As in `CatalogueParts`. */
  readonly computeAdmins?: TrustedAdmins
  /** Time between two looks at the computes' reports, which any server on the store may have received. Default: 500. */
  readonly lookAgainMs?: number
  /** Longest time for a compute to report that flamelets are there, or can't be started. Default: 600,000. */
  readonly placementMs?: number
  /** Longest time for flamelets to report that they have stopped. Default: 30,000. */
  readonly stopGraceMs?: number
}

/**
 * Runs tasks on flamelets. Deployers of registered computes start the flamelets. If a task's compute is `default`, and
 * no compute of that name is registered, any holder of the task's key may start the flamelet.
 */
export function flameletsDeployer(parts: FlameletsParts): Deployer {
  return deployerBy('flamelets', (job, reports) => flameletsDeployment(job, reports, parts))
}
