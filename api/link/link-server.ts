import type { Server } from 'node:http'
import type { Ask, ControlPlaneMessage, FlameletIdentity } from '../../actors/index.ts'
import type { JobFault } from '../../actors/model/index.ts'
import {
  type ActorRef,
  type ActorSystem,
  type Claim,
  CodedError,
  type NodeLink,
  nodeLink,
  type PeerRights,
  type Refusal,
} from '../../runtime/index.ts'
import { acceptWebSockets } from '../../runtime/link/ws/index.ts'
import { assertScope, type Caller } from '../auth/authority.ts'
import type { Gate } from '../auth/gate.ts'
import type { LocalAccounts } from '../auth/local-accounts.ts'
import { noteUpgraded } from '../http/connections.ts'
import { foreignSource, hostOf } from '../http/origins.ts'
import type { Log } from '../log.ts'
import type { AuditTrail } from '../observe/audit-trail.ts'
import type { LocalFlamelets } from './local-flamelets.ts'

export interface LinkServerOptions {
  readonly system: ActorSystem
  readonly ask: Ask<ControlPlaneMessage>
  readonly controlPlane: ActorRef<ControlPlaneMessage>
  readonly gate: Gate | undefined
  readonly accounts: LocalAccounts | undefined
  /** Origins of pages elsewhere that may join. */
  readonly origins: readonly string[]
  /** The server speaks https. */
  readonly isSecure: boolean
  readonly trail: AuditTrail
  readonly log: Log
  /** The flamelets that the server has started. */
  readonly locals?: Pick<LocalFlamelets, 'isToken' | 'from'> | undefined
}

/** The links of a server to flamelets. */
export interface LinkServer {
  /** Takes routes over WebSocket at /link of a server for HTTP. Returns a function that closes them. */
  acceptOn(server: Server): () => void
  /** Name of the server's node. */
  readonly node: string
  /** The link of the server's system. */
  readonly link: NodeLink
  /** Takes a route that came otherwise. `from` says whence. */
  accept: NodeLink['accept']
  /** Makes a fault in the routes of a flamelet on purpose. */
  disturb(flamelet: string, fault: JobFault): void
  /** Rejects unless a flamelet of this name may join with the token. */
  authenticate(claim: Claim): Promise<PeerRights>
  /** Ends all sessions: the flamelets are told. */
  close(): void
}

/** How often the tokens of connected flamelets are looked at again. */
const lookEveryMs = 1000
/** Faults of a token that end the session to which the token belongs. */
const endsSession: readonly string[] = ['API_TOKEN_INVALID', 'API_TOKEN_EXPIRED']
/** The user of all flamelets where nobody is asked for a token. */
const nobody = 'local'

interface Joined {
  readonly node: string
  readonly incarnation: number
  readonly token: string
  readonly from: string
  readonly user: string
}

/**
 * Lets flamelets in by their tokens, before anything but their greeting is read. A flamelet whose token is revoked
 * or expires is sent away within a second, with an entry in the audit log.
 */
export function linkServer(options: LinkServerOptions): LinkServer {
  const { system, ask, controlPlane, gate, accounts, origins, isSecure, trail, log, locals } = options
  /** Users of refused nodes whose tokens were good, by the cause of the refusal. */
  const refusedUsers = new WeakMap<object, Caller>()
  /** By name: the flamelets with a session. */
  const joined = new Map<string, Joined>()
  const link = nodeLink(system, { authenticate, onRefused })
  const looking = setInterval(() => void sendAway(), lookEveryMs).unref()

  return {
    acceptOn(server) {
      const accepted = acceptWebSockets(server, {
        path: '/link',
        onRoute: (route, from) => link.accept(route, { from }),
        async admits(request) {
          if (!gate && foreignSource(hostOf(request), request.headers, origins, isSecure) !== undefined) return false
          await accounts?.admit(request.socket)
          noteUpgraded(request.socket)
          return true
        },
      })
      return () => accepted.close()
    },
    node: system.node.node,
    link,
    accept: (route, rights) => link.accept(route, rights),
    authenticate,
    disturb: (flamelet, { type, delayMs = 0 }) =>
      link.disturb(flamelet, type === 'cut' ? { type } : { type: 'delay', delayMs }),
    close() {
      clearInterval(looking)
      link.close()
    },
  }

  async function authenticate({ token, node, from }: Claim): Promise<PeerRights> {
    const isLocal = locals?.isToken(node, token) === true
    // The way of local flamelets asks for no account of the machine, and is for them alone.
    if (from === locals?.from && !isLocal) throw new Error('the token is of no local flamelet')
    const caller = isLocal ? undefined : await callerOf(token)
    try {
      if (caller) assertScope(caller, 'flamelet')
      const identity = isLocal ? localIdentity(node) : identityOf(node, caller)
      const entry = await ask<ActorRef<never>>((replyTo) => ({ type: 'admit-flamelet', identity, replyTo }))
      return {
        node,
        identity: identity.user,
        mayStop: false,
        entry({ nodeIncarnation: incarnation }) {
          if (!isLocal) joined.set(node, { node, incarnation, token, from, user: identity.user })
          trail.joined({ node, incarnation, address: from, ...(caller ? { caller } : {}) })
          return entry
        },
        detached: (isDetached) =>
          controlPlane.tell({ type: 'flamelet-connected', name: node, isConnected: !isDetached }),
      }
    } catch (cause) {
      if (caller && cause instanceof Error) refusedUsers.set(cause, caller)
      throw cause
    }
  }

  async function callerOf(token: string): Promise<Caller | undefined> {
    return gate?.admitToken(token)
  }

  function onRefused({ from, node = '', cause }: Refusal): void {
    const refusal = cause.cause instanceof Error ? cause.cause : cause
    const caller = refusedUsers.get(refusal)
    const code = refusal instanceof CodedError ? refusal.code : 'LINK_TOKEN'
    trail.refusedLink({ address: from, node, code, ...(caller ? { user: caller.user } : {}) })
    log.info({ from, node, ...toldOf(refusal) }, 'a node was not let in')
  }

  /** Ends the sessions of flamelets whose tokens are good no more. */
  async function sendAway(): Promise<void> {
    if (!gate) return
    for (const { node, token, from, user } of [...joined.values()])
      await gate.admitToken(token).catch((cause: unknown) => {
        if (!(cause instanceof CodedError) || !endsSession.includes(cause.code)) return
        // Another life may have joined meanwhile, with another token.
        if (joined.get(node)?.token !== token) return
        joined.delete(node)
        trail.refusedLink({ address: from, node, code: cause.code, user })
        link.declareDead(node)
        log.warn({ node, ...toldOf(cause) }, 'a flamelet was sent away')
      })
  }
}

/** A refusal as the log tells it: a coded error says enough without the place in the code. */
function toldOf(cause: Error): object {
  return cause instanceof CodedError ? { code: cause.code, reason: cause.message } : { err: cause }
}

/** The server vouches for its own processes. */
function localIdentity(name: string): FlameletIdentity {
  return { name, user: nobody, isAdmin: true, isLocal: true }
}

function identityOf(name: string, caller: Caller | undefined): FlameletIdentity {
  if (!caller) return { name, user: nobody, isAdmin: false }
  const { user, scopes, flamelet, job } = caller
  const bound = { ...(flamelet === undefined ? {} : { flamelet }), ...(job === undefined ? {} : { job }) }
  return { name, user, isAdmin: scopes.includes('admin'), ...bound }
}
