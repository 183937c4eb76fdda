import {
  type Ask,
  asking,
  type ControllerMessage,
  controller,
  type DeployableJob,
  type Deployer,
  type DeploymentMessage,
  type DeploymentReport,
  type EventsMessage,
  type EventsParts,
  events,
  type Notification,
  type NotifierMessage,
  type NumberedEvent,
  type NumberedNotification,
  notifier,
  type Recipient,
} from '../../actors/index.ts'
import { all } from '../../runtime/durable/contract/store-under-test.ts'
import { type ActorSystem, actorSystem, type Clock, manualClock, type Store } from '../../runtime/index.ts'

export interface ControllerStage extends AsyncDisposable {
  readonly system: ActorSystem
  readonly ask: Ask<ControllerMessage>
  /** Waits until only timers are left to run. */
  idle(): Promise<void>
  /** Fields of a job's document. */
  job(id: string): Promise<Readonly<Record<string, unknown>>>
  /** The state of each task of a job, by its end. */
  tasks(id: string): Promise<Readonly<Record<string, unknown>>>
  events(user: string, job: string): Promise<readonly NumberedEvent[]>
}

export interface ControllerStageOptions {
  readonly store: Store
  readonly deployer: Deployer
  readonly server?: string
  readonly shared?: boolean
  readonly goesOnWith?: (job: string) => boolean | Promise<boolean>
  readonly forgetsEnded?: boolean
  readonly beatMs?: number
  readonly deadAfterMs?: number
  readonly clock?: Clock
  /** Wall-clock time. */
  readonly now?: () => string
}

let stages = 0

/** Makes a controller with its events, in a system of its own whose clock stands still unless a test moves it. */
export function controllerStage({
  store,
  deployer,
  server = `server-${++stages}`,
  shared = false,
  goesOnWith = () => true,
  forgetsEnded = false,
  beatMs = 500,
  deadAfterMs = 2500,
  clock = manualClock(),
  now = () => '2026-01-02T03:04:05.000Z',
}: ControllerStageOptions): ControllerStage {
  const system = actorSystem({ clock, onFault: () => {} })
  const happenings = system.spawn('events', events({ store, now }), { supervise: { type: 'resume' } })
  let ids = 0
  const newId = () => `${server}-id-${++ids}`
  const parts = {
    store,
    now,
    newId,
    server,
    shared,
    goesOnWith,
    forgetsEnded,
    beatMs,
    deadAfterMs,
    deployerOf: () => deployer,
    events: happenings,
  }
  const ref = system.spawn('controller', controller(parts))
  const askEvents: Ask<EventsMessage> = asking(system, happenings, { timeoutMs: 60_000 })
  return {
    system,
    ask: asking<ControllerMessage>(system, ref, { timeoutMs: 60_000 }),
    idle: () => system.idle(),
    job: async (id) => (await store.documents.get('jobs', id))?.fields ?? {},
    async tasks(id) {
      const found = await all(store.documents.find('tasks'))
      const own = found.filter(({ fields }) => fields.jobId === id)
      return Object.fromEntries(own.map(({ fields: { end, state } }) => [String(end), state]))
    },
    events: (user, job) =>
      askEvents((replyTo) => ({ type: 'read-events', user, job, after: 0, limit: 1000, waitMs: 0, replyTo })),
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}

/** A deployment whose reports a test makes. */
export interface ScriptedDeployment {
  readonly job: DeployableJob
  /** Types of the messages that the deployment was told. */
  readonly told: readonly DeploymentMessage['type'][]
  report(report: DeploymentReport): void
  /** Reports a state of the task of an end. */
  task(end: string, state: 'running' | 'completed' | 'failed' | 'terminated', log?: string): void
  /** Stops the deployment; with a cause, by a fault. */
  end(cause?: unknown): void
}

/** A deployer that does nothing by itself, except that its deployments end when told to stop (`stops`). */
export function scriptedDeployer({
  slots,
  stops = true,
}: {
  readonly slots?: number
  readonly stops?: boolean
} = {}): Deployer & { readonly deployments: ScriptedDeployment[] } {
  const deployments: ScriptedDeployment[] = []
  return {
    ...(slots === undefined ? {} : { slots }),
    deployments,
    deployment: (job, reports) => (context) => {
      const told: DeploymentMessage['type'][] = []
      deployments.push({
        job,
        told,
        report: (report) => reports.tell(report),
        task(end, state, log) {
          const task = job.tasks.find((candidate) => candidate.end === end)?.taskId ?? ''
          reports.tell({ type: 'task-status', task, status: { state, ...(log === undefined ? {} : { log }) } })
        },
        end: (cause) => (cause === undefined ? context.stop() : context.fail(cause)),
      })
      return ({ type }) => {
        told.push(type)
        if (type === 'stop' && stops) context.stop()
      }
    },
  }
}

/** Makes an actor of job events, in a system of its own. */
export function eventsStage({
  system = actorSystem({ onFault: () => {} }),
  ...parts
}: EventsParts & { readonly system?: ActorSystem }): AsyncDisposable & { readonly ask: Ask<EventsMessage> } {
  const ref = system.spawn('events', events(parts), { supervise: { type: 'resume' } })
  return {
    ask: asking(system, ref, { timeoutMs: 60_000 }),
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}

export interface NotifierStage extends AsyncDisposable {
  notify(recipient: Recipient, notification: Notification, occasion?: string): Promise<null>
  receive(
    recipient: Recipient,
    acknowledged?: number,
    options?: { readonly limit?: number; readonly waitMs?: number },
  ): Promise<readonly NumberedNotification[]>
  release(): void
}

/** Makes a notifier, in a system of its own. */
export function notifierStage(store: Store): NotifierStage {
  const system = actorSystem({ onFault: () => {} })
  const ref = system.spawn<NotifierMessage>('notifier', notifier({ store }), { supervise: { type: 'resume' } })
  const ask = asking(system, ref, { timeoutMs: 60_000 })
  return {
    notify: (recipient, notification, occasion) =>
      ask((replyTo) => ({
        type: 'notify',
        recipient,
        notification,
        ...(occasion === undefined ? {} : { occasion }),
        replyTo,
      })),
    receive: (recipient, acknowledged = 0, { limit = 100, waitMs = 0 } = {}) =>
      ask((replyTo) => ({ type: 'receive', recipient, acknowledged, limit, waitMs, replyTo })),
    release: () => ref.tell({ type: 'release' }),
    [Symbol.asyncDispose]: () => system.terminate(),
  }
}
