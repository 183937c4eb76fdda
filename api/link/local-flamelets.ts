import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { confinement } from '../../actors/deployers/job-process/index.ts'
import {
  type ControlPlaneMessage,
  type JobEvent,
  type LocalProcess,
  type OpenedTransport,
  openTransport,
  placementError,
  startLocalProcess,
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

/** One of the flamelets, through all its lives. */
interface Local {
  readonly name: string
  token: Buffer
  process?: LocalProcess
  /** Ends by itself since the last round. */
  deaths: number
  retry?: NodeJS.Timeout
}

const from = 'a local flamelet'
/** A flamelet's tasks go elsewhere when it has ended by itself this many times without a round in between. */
const mostDeaths = 5
const firstBackOffMs = 100
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
  const locals = Array.from({ length: count }, (_, index): Local => {
    return { name: `${prefix}${index}`, token: Buffer.of(), deaths: 0 }
  })
  let parts: LocalFlameletsParts | undefined
  let opened: OpenedTransport | undefined
  let isClosing = false
  return {
    names: locals.map(({ name }) => name),
    prefix,
    from,
    isToken,
    async start(given) {
      if (count === 0) return
      parts = given
      const accept: NodeLink['accept'] = (route) => given.links.link.accept(route, { from })
      opened = await openTransport('ws', given.links.node, { accept }, isToken)
      for (const local of locals) begin(local)
    },
    noteRecorded(_, { type }) {
      if (type === 'round') for (const local of locals) local.deaths = 0
    },
    async close() {
      isClosing = true
      for (const { retry } of locals) clearTimeout(retry)
      await Promise.all(locals.map((local) => local.process?.close()))
      await opened?.close()
    },
  }

  function isToken(name: string, token: string): boolean {
    const known = locals.find((local) => local.name === name && local.process)?.token
    const given = Buffer.from(token)
    return known !== undefined && known.length === given.length && timingSafeEqual(known, given)
  }

  function begin(local: Local): void {
    if (isClosing || !opened || !parts) return
    const { name } = local
    const token = randomBytes(24).toString('hex')
    local.token = Buffer.from(token)
    const setup: LocalFlameletSetup = {
      name,
      token,
      at: opened.dialledBy(name, token),
      server: parts.links.node,
      folder: join(place, name),
      isConfined,
      paths: own?.paths ?? {},
      reads: own?.reads ?? (isConfined ? [] : 'all'),
    }
    local.process = startLocalProcess(localFlameletProgram, setup, (how) => ended(local, how))
  }

  function ended(local: Local, how: string): void {
    delete local.process
    if (isClosing || !parts) return
    const { name } = local
    parts.links.link.declareDead(name)
    local.deaths += 1
    const isGivenUp = local.deaths >= mostDeaths
    const seconds = givenUpForMs / 1000
    const next = isGivenUp ? `its tasks go elsewhere; it is tried again in ${seconds} s` : 'it is started again'
    const times = local.deaths === 1 ? 'once' : `${local.deaths} times`
    const cause = placementError('LOCAL_SITE_ENDED', { site: name, times, how, next })
    parts.log.warn({ flamelet: name, err: cause }, 'a local flamelet has ended')
    parts.controlPlane.tell({ type: 'local-flamelet-ended', name, cause, isGivenUp })
    if (isGivenUp) local.deaths = mostDeaths - 1
    const delayMs = isGivenUp ? givenUpForMs : firstBackOffMs * 2 ** (local.deaths - 1)
    local.retry = setTimeout(() => begin(local), delayMs)
  }
}
