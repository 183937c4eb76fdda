import type { ActorRef, Behavior, CodedError } from '../../../runtime/index.ts'
import { shortList } from '../../../sdk/index.ts'
import { isTrusted, mayRun } from '../../catalogue/compute-trust.ts'
import { openDeployment } from '../../catalogue/deployments.ts'
import { endedNames } from '../../model/job-states.ts'
import { collectionsOf } from '../../records/collections.ts'
import type { TaskRecord } from '../../records/record-models.ts'
import { asking } from '../../requests/requests.ts'
import type { DeployableJob, DeploymentMessage, DeploymentReport } from '../deployer.ts'
import type { AgentsParts } from './agents-deployer.ts'
import { agentError } from './errors.ts'
import { anywhere, placeBy, placesOf } from './places.ts'

export type AgentsDeploymentMessage =
  | DeploymentMessage
  | { readonly type: 'begin' }
  | { readonly type: 'look' }
  | { readonly type: 'placement-overdue' }
  | { readonly type: 'grace-over' }

/** How long a notification may take to be durable. */
const notifyTimeoutMs = 60_000

/**
 * A job's tasks on agents. It tells computes to start agents, each agent to start its task once it's there, and at the end
 * agents to stop, and computes to take them away; then it's done. Each is told once a start of the job, however often that is
 * deployed again.
 */
export function agentsDeployment(
  deployed: DeployableJob,
  reports: ActorRef<DeploymentReport>,
  { store, notifier, now, computeAdmins, lookAgainMs = 500, placementMs = 600_000, stopGraceMs = 30_000 }: AgentsParts,
  done: () => void,
): Behavior<AgentsDeploymentMessage> {
  return (context) => {
    const collections = collectionsOf(store)
    const ask = asking(context, notifier, { timeoutMs: notifyTimeoutMs })
    const { id: job, start, user } = deployed
    /** Tasks that haven't ended. */
    const left = new Map(deployed.tasks.filter(({ state }) => !endedNames.includes(state)).map((t) => [t.taskId, t]))
    const running = new Set([...left.values()].filter(({ state }) => state === 'running').map(({ taskId }) => taskId))
    /** Those whose agents were told to start. */
    const started = new Set<string>()
    const awaited = new Map<string, TaskRecord>()
    /** Tasks without a compute of their own, which nobody has reported yet: whoever has their keys may start their agents. */
    const unclaimed = new Map<string, TaskRecord>()
    let computes: readonly string[] = []
    let isTimed = false
    let lastRefusal: CodedError | undefined
    let isStopping = false
    let isPlaced = false

    context.self.tell({ type: 'begin' })
    return (message) => context.track(handle(message))

    async function handle(message: AgentsDeploymentMessage): Promise<void> {
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
      const places = placesOf([...left.values()], isServed)
      // Those whose tasks have all ended too: before a crash they may not have been told to take the agents away.
      computes = [...new Set(deployed.tasks.filter(isServed).map(({ computeId }) => computeId))]
      for (const tasks of places.computes.values()) for (const task of tasks) awaited.set(task.taskId, task)
      for (const task of places.direct) if (!running.has(task.taskId)) unclaimed.set(task.taskId, task)
      for (const task of places.lost)
        refuse(
          task,
          agentError(known.has(task.computeId) ? 'AGENT_COMPUTE_FOREIGN' : 'AGENT_COMPUTE_GONE', namesOf(task)),
        )
      await Promise.all([...computes.map(addResource), ...places.direct.map(startTask)])
      await look()
      tellAwaited()
    }

    async function addResource(compute: string): Promise<void> {
      // Before the compute can answer.
      await openDeployment(collections, now, { compute, job, start })
      await notifyCompute('ADD_RESOURCE', compute)
    }

    /** A compute that registers late takes the tasks that waited for one. */
    async function lookForCompute(): Promise<void> {
      const found = unclaimed.size === 0 ? undefined : await collections.computes.get(anywhere)
      if (!found || !isTrusted(computeAdmins, found.value, { userId: user })) return
      for (const [id, task] of unclaimed) awaited.set(id, task)
      unclaimed.clear()
      computes = [...computes, anywhere]
      await addResource(anywhere)
    }

    /** Says for whom the job waits, if it does. */
    function tellAwaited(): void {
      for (const [code, tasks] of [
        ['AGENTS_AWAITED', unclaimed],
        ['COMPUTES_AWAITED', awaited],
      ] as const) {
        if (tasks.size === 0) continue
        const ends = shortList(new Set([...tasks.values()].map(({ end }) => end)))
        const named = shortList(new Set([...tasks.values()].map(({ computeId }) => computeId)))
        const { message, hint } = agentError(code, { ends, computes: named })
        reports.tell({ type: 'event', event: { type: 'notice', end: deployed.spec.designId, code, message, hint } })
      }
    }

    /** Starts the tasks whose agents are there by now. */
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
        const place = placeBy(told.get(id))
        if (place === 'awaited') continue
        awaited.delete(id)
        if (place === 'there') there.push(task)
        if (place === 'refused') refuse(task, agentError('AGENT_NOT_PLACED', namesOf(task)))
      }
      await Promise.all(there.map(startTask))
      if (started.size > 0) tellPlaced()
      if (awaited.size > 0) return void context.after(lookAgainMs, { type: 'look' })
      if (unclaimed.size > 0) context.after(lookAgainMs, { type: 'look' })
      if (isPlaced || !lastRefusal) {
        tellPlaced()
        return left.size === 0 ? finish() : undefined
      }
      const cause = agentError('AGENTS_NONE_PLACED', { reason: lastRefusal.message }, { cause: lastRefusal })
      reports.tell({ type: 'deployment-failed', cause })
      return finish()
    }

    function tellPlaced(): void {
      if (!isPlaced) reports.tell({ type: 'placed' })
      isPlaced = true
    }

    /** No task waits longer for a compute that doesn't answer: the next look finds all others settled. */
    function giveUpAwaited(): void {
      for (const task of awaited.values())
        refuse(task, agentError('AGENT_PLACE_OVERDUE', { ...namesOf(task), seconds: placementMs / 1000 }))
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
    }: Extract<AgentsDeploymentMessage, { type: 'task-reported' }>): Promise<void> {
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
      // Of an agent that never said that it runs, none is expected to say that it has stopped.
      if (running.size === 0) return finish()
      context.after(stopGraceMs, { type: 'grace-over' })
    }

    async function finish(): Promise<void> {
      await Promise.all(computes.map((compute) => notifyCompute('REVOKE_RESOURCE', compute)))
      done()
    }

    function notifyTask(type: 'START_JOB' | 'STOP_JOB' | 'UPDATE_JOB', task: string): Promise<null> {
      // The same update is told again after a crash: an agent that fetches its task twice gets the same.
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
