import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { join } from 'node:path'
import { decodeFlameletMessage, type FlameletMessage, type FlameletRegistration } from '../../actors/flamelets/index.ts'
import { lmdbStore } from '../../runtime/durable/lmdb/index.ts'
import {
  type ActorRef,
  actorSystem,
  type Behavior,
  decode,
  encode,
  isActorRef,
  nodeLink,
  packError,
} from '../../runtime/index.ts'
import { acceptWebSockets } from '../../runtime/link/ws/index.ts'
import {
  type CodeMessage,
  decodeCodeMessage,
  decodeModelsMessage,
  decodeRendezvousMessage,
  decodeSiteReply,
  decodeTaskReport,
  expand,
  jobModels,
  rendezvous,
  type SiteMessage,
  type SiteReply,
  type TaskReport,
  taskSite,
  taskTally,
} from '../../sdk/index.ts'
import { fileRegistry, loadWorkload, poolFor } from '../../sdk/node/index.ts'

export interface FlameletServerSetup {
  /** Folder of the server's state and models. */
  readonly folder: string
  readonly port: number
  readonly token: string
  /** Folder or file of the job's workload, as the server's own task loads it. */
  readonly workload: string
  readonly settings: Readonly<Record<string, number>>
  readonly paths: Readonly<Record<string, string>>
  /** The archive of the job's code, if flamelets get it. */
  readonly archive?: string
  /** The server speaks https, with this certificate and key. */
  readonly tls?: { readonly cert: string; readonly key: string }
}

/**
 * A server of one job for flamelets, without the rest of the control plane: the aggregator's task runs here, each task
 * with a dataset on the flamelet that has the dataset. Tells lines of JSON. The job begins once each dataset is there.
 */
const setup: FlameletServerSetup = JSON.parse(process.argv[2] ?? '{}')
const tell = (line: object) => console.log(JSON.stringify(line))
const store = await lmdbStore(join(setup.folder, 'state'))
const kept = await store.load('server')
const last = kept && decode(kept.bytes)
const start = typeof last === 'number' ? last + 1 : 1
await store.save('server', kept?.version ?? 0, encode(start))

const loaded = await loadWorkload(setup.workload)
const settings = { ...loaded.workload.settings, ...setup.settings }
const topology = loaded.workload.topology(settings)
const tasks = expand(topology, { jobId: 'job', newKey: () => '' }).map(({ end, role, groupAssociation, dataset }) => ({
  end,
  role,
  groupAssociation,
  ...(dataset === undefined ? {} : { dataset }),
}))
const registry = fileRegistry(join(setup.folder, 'models'))
const system = actorSystem({ name: 'server', incarnation: start })
const archive = setup.archive === undefined ? undefined : await readFile(setup.archive)
const run = 'run-1'

const giving: Behavior<CodeMessage> =
  () =>
  ({ replyTo }) => {
    if (archive) replyTo.tell({ type: 'code', archive: new Uint8Array(archive) })
  }
const shared = {
  type: 'host',
  job: {
    id: 'job',
    run,
    start,
    schema: topology.schema,
    tasks,
    hyperparameters: { ...settings, seed: 5 },
    ...(archive && { codeHash: createHash('sha256').update(archive).digest('hex') }),
  },
  rendezvous: system.spawn('rendezvous', rendezvous(), { decode: decodeRendezvousMessage }),
  models: system.spawn(
    'models',
    jobModels(run, {
      registry,
      onRound: async ({ round, hash, members }) => tell({ type: 'round', round, hash, members }),
    }),
    { decode: decodeModelsMessage },
  ),
  reports: system.spawn('reports', reports(), { decode: decodeTaskReport }),
  replyTo: system.spawn('replies', replies(), { decode: decodeSiteReply }),
  code: system.spawn('code', giving, { decode: decodeCodeMessage }),
} as const
const own = system.spawn(
  'site',
  taskSite({
    store,
    workloadOf: async () => ({
      workload: loaded.workload,
      paths: setup.paths,
      poolOf: (plan) => poolFor({ ...loaded, ...plan, workers: 0 }),
    }),
  }),
)
own.tell({ ...shared, ends: tasks.filter(({ dataset }) => dataset === undefined).map(({ end }) => end) })

const link = nodeLink(system, {
  async authenticate({ token, node }) {
    if (token !== setup.token) throw new Error('the token is not known')
    return {
      node,
      mayStop: false,
      entry: () => system.spawn(`flamelet-${node}-${Date.now()}`, voice(node), { decode: decodeFlameletMessage }),
      detached: (isDetached) => tell({ type: isDetached ? 'away' : 'back', node }),
    }
  },
})
const http = (setup.tls ? createSecureServer(setup.tls) : createServer()).listen(setup.port, '127.0.0.1')
await once(http, 'listening')
acceptWebSockets(http, { onRoute: (route, from) => link.accept(route, { from }) })
const address = http.address()
tell({ type: 'listening', port: typeof address === 'object' ? address?.port : 0 })

function voice(node: string): Behavior<FlameletMessage> {
  let site: ActorRef<SiteMessage> | undefined
  return () => (message) => {
    switch (message.type) {
      case 'register':
        if (!isActorRef<SiteMessage>(message.site)) return
        site = message.site
        message.replyTo.tell({ type: 'registered', server: 'test', compute: node })
        tell({ type: 'registered', node, registration: message.registration })
        return host(message.registration, site)
      case 'drain':
        tell({ type: 'draining', node })
        site?.tell({
          type: 'release',
          run,
          replyTo: system.spawn(`drained-${Date.now()}`, drained(node, message.replyTo), { decode: decodeSiteReply }),
        })
        return
      case 'progress':
        return tell({ type: 'progress', node, hosted: message.hosted })
      case 'log':
        return tell(message)
    }
  }
}

function host({ datasets }: FlameletRegistration, site: ActorRef<SiteMessage>): void {
  const names = new Set(datasets.map(({ name }) => name))
  const isWildcard = names.size === 0
  const ends = tasks
    .filter(({ dataset }) => dataset !== undefined && (isWildcard || names.has(dataset)))
    .map(({ end }) => end)
  if (ends.length > 0) site.tell({ ...shared, ends })
}

function drained(node: string, asker: ActorRef<{ readonly type: 'drained' }>): Behavior<SiteReply> {
  return () => () => {
    tell({ type: 'drained', node })
    asker.tell({ type: 'drained' })
  }
}

function replies(): Behavior<SiteReply> {
  return () => (reply) => {
    const cause = 'cause' in reply && reply.cause !== undefined ? { cause: packError(reply.cause) } : {}
    tell({ ...reply, ...cause })
  }
}

function reports(): Behavior<TaskReport> {
  return () => {
    const tally = taskTally(tasks)
    return (report) => {
      if (report.type === 'notice' || report.type === 'log') tell(report)
      if (report.type === 'task-failed') tell({ ...report, cause: packError(report.cause) })
      if (report.type === 'task-completed' || report.type === 'task-failed') tally.ended(report)
      if (tally.allEnded) tell({ type: 'ended' })
    }
  }
}
