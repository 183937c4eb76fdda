import {
  type Ask,
  asking,
  type ControllerMessage,
  controller,
  type Deployer,
  type EventsMessage,
  events,
  type NumberedEvent,
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
