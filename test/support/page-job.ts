import {
  decodeFlameletMessage,
  type FlameletMessage,
  type FlameletRegistration,
} from '../../actors/flamelets/protocol.ts'
import { type ActorRef, actorSystem, memoryStore, nodeLink, type PeerRights } from '../../runtime/index.ts'
import { acceptWebSockets } from '../../runtime/link/ws/index.ts'
import {
  decodeModelsMessage,
  decodeRendezvousMessage,
  decodeSiteMessage,
  decodeSiteReply,
  decodeTaskReport,
  expand,
  type HostedJob,
  type HostMessage,
  inlinePool,
  jobModels,
  memoryRegistry,
  rendezvous,
  type SiteMessage,
  type SiteReply,
  type TaskReport,
  taskSite,
  taskTally,
  type Workload,
} from '../../sdk/index.ts'
import { type Site, siteOf } from './chromium.ts'

export interface PageJobOptions {
  readonly workload: Workload
  readonly files: Readonly<Record<string, string | Uint8Array>>
  readonly headers?: Readonly<Record<string, string>>
  /** The flamelet that hosts a task. Undefined: this process. */
  readonly placeOf: (end: string) => string | undefined
  readonly hyperparameters?: HostedJob['hyperparameters']
  /** Datasets of the job have these names. Default: the numbers of the clients. */
  readonly datasetOf?: (client: number) => string
}

/** A job whose tasks are spread over this process and pages, which join at this process's site. */
export interface PageJob extends AsyncDisposable {
  readonly site: Site
  /** Registrations so far: one for each life of a page. */
  readonly registrations: readonly FlameletRegistration[]
  /** Hashes of the committed rounds. */
  readonly hashes: readonly string[]
  /** Resolves when this many rounds are committed. */
  rounds(count: number): Promise<void>
  /** Resolves when the job has completed. Rejects with the cause of its failure. */
  readonly completed: Promise<void>
  /** Resolves when a page has refused tasks. */
  readonly refused: Promise<unknown>
  /** Cuts all connections of pages, and accepts none until the returned function is called. */
  cut(): () => void
  /** Asks pages to give up the tasks. */
  release(): void
}

export const pageToken = 'token of the page'

export async function pageJob(options: PageJobOptions): Promise<PageJob> {
  const { workload, files, headers, placeOf, hyperparameters = {}, datasetOf = String } = options
  const site = await siteOf(files, headers)
  const system = actorSystem({ name: 'server' })
  const topology = workload.topology(workload.settings)
  const tasks = expand(topology, { jobId: 'job-1', newKey: () => '' })
  const registrations: FlameletRegistration[] = []
  const hashes: string[] = []
  const waiting = new Set<() => void>()
  const tally = taskTally(tasks)
  const sites = new Map<string, ActorRef<SiteMessage>>()
  let [complete, fail, refuse] = [() => {}, (_cause: unknown) => {}, (_cause: unknown) => {}]
  const completed = new Promise<void>((resolve, reject) => {
    complete = resolve
    fail = reject
  })
  const refused = new Promise<unknown>((resolve) => {
    refuse = resolve
  })
  completed.catch(() => {})

  const meeting = system.spawn('rendezvous', rendezvous(), { decode: decodeRendezvousMessage })
  const models = system.spawn(
    'models',
    jobModels('run-1', {
      registry: memoryRegistry(),
      async onRound({ round, hash }) {
        hashes[round - 1] = hash
        for (const look of waiting) look()
      },
    }),
    { decode: decodeModelsMessage },
  )
  const reports = system.spawn<TaskReport>(
    'reports',
    () => (report) => {
      if (report.type === 'task-failed') fail(report.cause)
      if (report.type === 'task-completed') tally.ended(report)
      if (tally.allEnded) complete()
    },
    { decode: decodeTaskReport },
  )
  const replies = system.spawn<SiteReply>(
    'replies',
    () => (reply) => {
      if (reply.type === 'not-hosting') refuse(reply.cause)
    },
    { decode: decodeSiteReply },
  )
  const numbers = new Map(tasks.filter(({ dataset }) => dataset !== undefined).map(({ end }, client) => [end, client]))
  const job: HostedJob = {
    id: 'job-1',
    run: 'run-1',
    start: 1,
    workload: workload.name,
    schema: topology.schema,
    tasks: tasks.map(({ end, role, groupAssociation, dataset }) => ({
      end,
      role,
      groupAssociation,
      ...(dataset !== undefined && { dataset: datasetOf(numbers.get(end) ?? 0) }),
    })),
    clients: Object.fromEntries(numbers),
    hyperparameters,
  }
  const hostOf = (place: string | undefined): HostMessage => ({
    type: 'host',
    job,
    ends: tasks.map(({ end }) => end).filter((end) => placeOf(end) === place),
    rendezvous: meeting,
    reports,
    models,
    replyTo: replies,
  })

  const local = system.spawn(
    'local',
    taskSite({
      store: memoryStore(),
      workloadOf: async () => ({
        workload,
        poolOf: ({ settings, seed, datasets }) => inlinePool(workload, settings, seed, datasets),
      }),
    }),
    { decode: decodeSiteMessage },
  )
  local.tell(hostOf(undefined))

  const voiceOf = (name: string) =>
    system.spawn<FlameletMessage>(
      `voice-${name}-${registrations.length}-${sites.size}-${Math.random()}`,
      () => (message) => {
        if (message.type === 'drain') return message.replyTo.tell({ type: 'drained' })
        if (message.type !== 'register') return
        registrations.push(message.registration)
        sites.set(name, message.site)
        message.replyTo.tell({ type: 'registered', server: 'server', compute: name })
        const told: ActorRef<SiteMessage> = message.site
        told.tell(hostOf(name))
      },
      { decode: decodeFlameletMessage },
    )
  const link = nodeLink(system, {
    async authenticate({ token, node }): Promise<PeerRights> {
      if (token !== pageToken) throw new Error('the token is of another server')
      return { node, identity: 'pages', mayStop: false, entry: () => voiceOf(node) }
    },
  })
  const accept = () => acceptWebSockets(site.server, { onRoute: (route, from) => link.accept(route, { from }) })
  let accepted = accept()

  return {
    site,
    registrations,
    hashes,
    completed,
    refused,
    rounds: (count) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (hashes.length < count) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    cut() {
      accepted.close()
      return () => void (accepted = accept())
    },
    release() {
      for (const told of sites.values()) told.tell({ type: 'release', run: 'run-1', replyTo: replies })
    },
    async [Symbol.asyncDispose]() {
      accepted.close()
      await system.terminate()
      await site[Symbol.asyncDispose]()
    },
  }
}
