import {
  decodeRegisterAnswer,
  type FlameletMessage,
  type FlameletRegistration,
  type RegisterAnswer,
} from '../../actors/flamelets/index.ts'
import {
  type ActorRef,
  type ActorSystem,
  actorSystem,
  type Behavior,
  type ConnectionState,
  type DialRoute,
  isActorRef,
  nodeLink,
} from '../../runtime/index.ts'
import { decodeSiteMessage, type SiteMessage } from '../../sdk/index.ts'

export interface LinkedFlameletOptions {
  readonly name: string
  readonly dial: DialRoute
  readonly token?: string
  /** Counts the lives of the flamelet. Default: the time. */
  readonly incarnation?: number
  /** What hosts tasks. Default: an actor that hears everything and does nothing. */
  readonly site?: Behavior<SiteMessage>
}

/** A node that joins a server as a flamelet does. */
export interface LinkedFlamelet extends AsyncDisposable {
  readonly system: ActorSystem
  /** Resolves with the state `open`, or with a final state, and its cause. */
  readonly settled: Promise<{ readonly state: ConnectionState; readonly code?: string }>
  /** Each state so far. */
  readonly states: readonly ConnectionState[]
  register(given?: Partial<FlameletRegistration>): Promise<RegisterAnswer>
  /** The entry that the server has given. */
  entry(): Promise<ActorRef<FlameletMessage>>
}

export function linkedFlamelet({
  name,
  dial,
  token,
  incarnation = Date.now(),
  site: behavior = () => () => {},
}: LinkedFlameletOptions): LinkedFlamelet {
  const system = actorSystem({ name, incarnation, onFault: () => {} })
  const site = system.spawn('site', behavior, { decode: decodeSiteMessage })
  const states: ConnectionState[] = []
  const settled = later<Awaited<LinkedFlamelet['settled']>>()
  let met = later<ActorRef<FlameletMessage>>()
  const link = nodeLink(system, {
    onPeer({ entry }) {
      if (!isActorRef<FlameletMessage>(entry)) return
      // Of a later life of the server, too.
      met.resolve(entry)
      met = later()
      met.resolve(entry)
    },
  })
  link.connect({
    dial,
    ...(token === undefined ? {} : { token }),
    rights: { mayStop: false },
    onChange(state, cause) {
      states.push(state)
      const code: { code?: string } = cause !== undefined && 'code' in cause ? { code: String(cause.code) } : {}
      // A broker that refuses a client is asked again and again.
      if (state !== 'connecting' || code.code === 'LINK_BROKER') settled.resolve({ state, ...code })
    },
  })
  return {
    system,
    settled: settled.promise,
    states,
    entry: () => met.promise,
    async register(given = {}) {
      const platform = { runtime: `node ${process.version}`, system: process.platform, arch: process.arch, cores: 1 }
      const registration = { name, datasets: [], mostTasks: 2, platform, hosted: [], ...given }
      return system.ask<RegisterAnswer, FlameletMessage>(
        await met.promise,
        (replyTo) => ({ type: 'register', registration, site, replyTo }),
        { timeoutMs: 30_000, decode: decodeRegisterAnswer },
      )
    },
    async [Symbol.asyncDispose]() {
      await system.terminate()
    },
  }
}

function later<Value>() {
  let resolve: (value: Value) => void = () => {}
  const promise = new Promise<Value>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
