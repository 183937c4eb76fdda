import type { FlameletMessage } from '../../actors/flamelets/protocol.ts'
import { indexedDbDurable } from '../../runtime/durable/indexeddb/index.ts'
import {
  actorSystem,
  type ConnectionState,
  type DurableStore,
  dialPageSocket,
  isActorRef,
  nextIncarnation,
  nodeLink,
  packError,
} from '../../runtime/index.ts'
import { decodeSiteMessage, type Workload } from '../../sdk/index.ts'
import { pageSite } from './page-site.ts'
import { type PageDataset, pageWorkload } from './page-workload.ts'
import type { OnProgress } from './progress.ts'

export type { PageDataset } from './page-workload.ts'

export interface BrowserFlameletOptions {
  /** Address of the server: ws, wss, http or https. Without a path it leads to /link. Default: the page's own server. */
  readonly url?: string | URL
  /** Proves to the server who the flamelet is. */
  readonly token: string
  /** Name of the flamelet. Pages of one browser with the same name share their state, and one of them at a time is the flamelet. */
  readonly name: string
  /** Region and compute, such as `eu/west`. */
  readonly realm?: string
  /** Id of the compute that the flamelet serves. Default: the realm's last part, or the name. */
  readonly compute?: string
  /** The workload of the jobs that the page takes part in. The page brings its own: it runs no code of the server. */
  readonly workload: Workload
  /**
   * Data in the page, by the names of jobs' datasets; `*` stands for every name. A client of a dataset trains on these examples
   * instead of those of the workload's `data`. Default: the workload's `data` has all of the page's data.
   */
  readonly datasets?: Readonly<Record<string, PageDataset>>
  /** Most tasks at once. Default: one for each dataset. */
  readonly mostTasks?: number
  /** Keeps the state of the page's tasks. Default: a database of the browser, `flame-fl/NAME`. */
  readonly store?: DurableStore
  /** Called with all that happens. Must not throw. */
  readonly onProgress?: OnProgress
}

/** A flamelet that runs in this thread of a page. */
export interface BrowserFlamelet {
  /** Resolves when the flamelet has ended: it has left, or the server refused it. Rejects with trouble of the store. */
  readonly ended: Promise<void>
  /** Gives the tasks back to the server, and ends. */
  leave(): Promise<void>
}

/** Time before a flamelet begins another life, after its server has ended one. */
const anotherLifeMs = 1000
const incarnationKey = 'flamelet/incarnation'

/**
 * Joins a server as a flamelet, in this thread: keeps a link by the page's own WebSocket, hosts tasks that the server gives, and
 * trains between two messages of the event loop, batch by batch. Run it in a worker (`flameletInWorker`), so that the page stays
 * responsive. The state of tasks survives a reload of the page at any instant.
 */
export function browserFlamelet(options: BrowserFlameletOptions): BrowserFlamelet {
  const { name, url = location.origin, onProgress = () => {} } = options
  const leaving = new AbortController()
  let left: () => Promise<void> = async () => {}
  const ended = alone(`flame-fl/flamelet/${name}`, leaving.signal, live, () =>
    onProgress({ type: 'connection', state: 'waiting' }),
  )
  return {
    ended,
    async leave() {
      await left()
      leaving.abort()
      await ended
    },
  }

  async function live(): Promise<void> {
    if (options.store) return livesOn(options.store)
    const store = await indexedDbDurable(`flame-fl/${name}`)
    try {
      await livesOn(store)
    } finally {
      await store.close()
    }
  }

  async function livesOn(store: DurableStore): Promise<void> {
    while (!leaving.signal.aborted && (await life(store)) === 'ended') await pause(anotherLifeMs, leaving.signal)
  }

  /** Lives until the flamelet leaves, is refused, or its server has declared this life dead. */
  async function life(store: DurableStore): Promise<ConnectionState> {
    const { workload, datasets, mostTasks = Math.max(1, Object.keys(datasets ?? {}).length) } = options
    const incarnation = await nextIncarnation(store, incarnationKey, Date.now())
    const system = actorSystem({ name, incarnation })
    try {
      return await new Promise<ConnectionState>((resolve) => {
        const site = system.spawn(
          'flamelet',
          pageSite({
            store,
            mostTasks,
            workloadOf: async (job) => pageWorkload(name, workload, datasets, job, onProgress),
            registration: registrationOf(options, mostTasks),
            datasets,
            onProgress,
            onRefused(cause) {
              onProgress({ type: 'connection', state: 'refused', cause: packError(cause) })
              resolve('refused')
            },
          }),
          { decode: decodeSiteMessage },
        )
        const link = nodeLink(system, {
          onPeer({ entry }) {
            if (isActorRef<FlameletMessage>(entry)) site.tell({ type: 'session', server: entry })
          },
        })
        const connection = link.connect({
          dial: dialPageSocket(url),
          token: options.token,
          rights: { mayStop: false },
          onChange(state, cause) {
            onProgress({ type: 'connection', state, ...(cause && { cause: packError(cause) }) })
            if (state === 'refused' || state === 'ended') resolve(state)
          },
        })
        left = async () => {
          await new Promise<void>((done) => site.tell({ type: 'leave', done }))
          connection.close()
        }
        leaving.signal.addEventListener('abort', () => resolve('ended'), { once: true })
      })
    } finally {
      left = async () => {}
      await system.terminate()
    }
  }
}

function registrationOf({ name, realm, compute, datasets = {} }: BrowserFlameletOptions, mostTasks: number) {
  return {
    name,
    ...(realm === undefined ? {} : { realm }),
    ...(compute === undefined ? {} : { compute }),
    datasets: Object.keys(datasets).map((dataset) => ({ name: dataset })),
    mostTasks,
    platform: {
      runtime: browserName(navigator.userAgent),
      system: 'browser',
      arch: 'wasm',
      cores: navigator.hardwareConcurrency,
    },
  }
}

/** The program of a page, such as `Firefox 144`. */
function browserName(userAgent: string): string {
  const [, program, version] = /\b(Edg|Firefox|HeadlessChrome|Chrome|Version)\/(\d+)/.exec(userAgent) ?? []
  if (program === undefined) return 'browser'
  return `${program === 'Version' ? 'Safari' : program} ${version}`
}

/** Does work while no other page of this browser does work of this name. Without locks, which insecure pages lack, at once. */
async function alone(name: string, signal: AbortSignal, work: () => Promise<void>, waiting: () => void): Promise<void> {
  if (!('locks' in navigator)) return work()
  const isDone = await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock) await work()
    return lock !== null
  })
  if (isDone) return
  waiting()
  await navigator.locks.request(name, { signal }, work).catch((cause: unknown) => {
    if (!signal.aborted) throw cause
  })
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
