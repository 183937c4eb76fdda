import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { confinement } from '../../actors/deployers/job-process/index.ts'
import {
  type ControlPlaneMessage,
  type JobEvent,
  type LocalEnd,
  type LocalLife,
  localLives,
  type OpenedTransport,
  openTransport,
} from '../../actors/index.ts'
import { type LocalFlameletSetup, localFlameletProgram } from '../../flamelet/index.ts'
import type { ActorRef, NodeLink } from '../../runtime/index.ts'
import type { Log } from '../log.ts'
import type { SitesSetting } from '../server-root.ts'

export interface LocalFlameletsSetting extends SitesSetting {
  readonly count: number
  /** Callers are asked for a token: the tasks' processes have the least rights that Node gives. */
  readonly isConfined: boolean
}

/** The flamelets that a server starts on its machine. */
export interface LocalFlamelets {
  readonly names: readonly string[]
  /** How the names of all local flamelets of the folder begin. */
  readonly prefix: string
  /** Whence the routes of local flamelets come. */
  readonly from: string
  /** Whether a token is that of the present life of a local flamelet. */
  isToken(name: string, token: string): boolean
  start(parts: LocalFlameletsParts): Promise<void>
  /** A round was recorded: earlier ends of flamelets don't count any more. */
  noteRecorded(job: string, event: JobEvent): void
  /** Ends all of them. */
  close(): Promise<void>
}

export interface LocalFlameletsParts {
  readonly links: { readonly link: NodeLink; readonly node: string }
  readonly controlPlane: ActorRef<ControlPlaneMessage>
  readonly log: Log
}

const from = 'a local flamelet'
/** Time after which a flamelet is tried again whose tasks went elsewhere. */
const givenUpForMs = 60_000

/**
 * Flamelets that live as long as the server, each with a token and a folder of its own, by which it goes on in the
 * server's next life. One that ends by itself is started again after growing delays. JOB_CONFINEMENT if Node can't
 * confine tasks that must be.
 */
export function localFlamelets({ count, isConfined, folder, own }: LocalFlameletsSetting): LocalFlamelets {
  if (count > 0 && isConfined) confinement({ reads: [], writes: [] })
  const place = resolve(folder, 'flamelets')
  // Servers on other machines may share the store.
  const prefix = `local-${createHash('sha256').update(`${hostname()} ${place}`).digest('hex').slice(0, 6)}-`
  const names = Array.from({ length: count }, (_, index) => `${prefix}${index}`)
  let opened: { readonly parts: LocalFlameletsParts; readonly transport: OpenedTransport } | undefined
  const lives = localLives({ names, program: localFlameletProgram, setupOf, givenUpForMs, onEnd })
  return {
    names,
    prefix,
    from,
    isToken: (name, token) => lives.isToken(name, token),
    async start(parts) {
      if (count === 0) return
      const { link, node } = parts.links
      const accept: NodeLink['accept'] = (route) => link.accept(route, { from })
      opened = { parts, transport: await openTransport('ws', node, { accept }, lives.isToken) }
      lives.start()
    },
    noteRecorded(_, { type }) {
      if (type === 'round') lives.noteRound()
    },
    async close() {
      await lives.close()
      await opened?.transport.close()
    },
  }

  function setupOf({ name, token }: LocalLife): object {
    if (!opened) throw new TypeError('a flamelet begins before its server')
    const setup: LocalFlameletSetup = {
      name,
      token,
      at: opened.transport.dialledBy(name, token),
      server: opened.parts.links.node,
      folder: join(place, name),
      isConfined,
      paths: own?.paths ?? {},
      reads: own?.reads ?? (isConfined ? [] : 'all'),
    }
    return setup
  }

  function onEnd({ name, cause, isGivenUp }: LocalEnd): void {
    if (!opened) return
    const { links, log, controlPlane } = opened.parts
    links.link.declareDead(name)
    log.warn({ flamelet: name, err: cause }, 'a local flamelet has ended')
    controlPlane.tell({ type: 'local-flamelet-ended', name, cause, isGivenUp })
  }
}
