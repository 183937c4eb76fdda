import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { CodedError } from '../../../../runtime/index.ts'
import { placementError } from '../../errors.ts'
import { type LocalProcess, startLocalProcess } from './local-process.ts'

/** One life of a local process. */
export interface LocalLife {
  readonly name: string
  /** Counts the lives of the name. */
  readonly number: number
  /** By which this life, and no other, joins. */
  readonly token: string
}

/** A life has ended by itself. */
export interface LocalEnd {
  readonly name: string
  readonly cause: CodedError
  /** The process isn't started again soon: its tasks go elsewhere. */
  readonly isGivenUp: boolean
}

export interface LocalLivesOptions {
  readonly names: readonly string[]
  readonly program: URL
  /** All that a life is told at its start. */
  readonly setupOf: (life: LocalLife) => object
  /** Time after which a process is tried again that was given up. Absent: never. */
  readonly givenUpForMs?: number
  readonly onEnd: (end: LocalEnd) => void
}

/** Processes of this machine that are started again when they end by themselves. */
export interface LocalLives {
  /** The present processes' ids, by name. */
  readonly pids: ReadonlyMap<string, number>
  start(): void
  /** Whether a token is that of the present life of a name. */
  isToken(name: string, token: string): boolean
  /** The number of the present life of a name, or of the last one. 0 before the first. */
  lifeOf(name: string): number
  isGivenUp(name: string): boolean
  /** A round was committed: earlier ends of processes don't count any more. */
  noteRound(): void
  /** Ends all processes. */
  close(): Promise<void>
}

interface Local {
  readonly name: string
  number: number
  token: Buffer
  process?: LocalProcess
  /** Ends by itself since the last round. */
  deaths: number
  isGivenUp: boolean
  retry?: NodeJS.Timeout
}

/** A process is given up when it has ended by itself this many times without a round in between. */
const mostDeaths = 5
const firstBackOffMs = 100

/**
 * Keeps processes of one program alive, each life with a token of its own. One that ends by itself is started again
 * after growing delays; one that ends again and again is given up, for a time or for good.
 */
export function localLives({ names, program, setupOf, givenUpForMs, onEnd }: LocalLivesOptions): LocalLives {
  const locals = new Map(
    names.map((name): [string, Local] => [name, { name, number: 0, token: Buffer.of(), deaths: 0, isGivenUp: false }]),
  )
  const pids = new Map<string, number>()
  let isClosing = false
  return {
    pids,
    start() {
      for (const local of locals.values()) begin(local)
    },
    isToken(name, token) {
      const local = locals.get(name)
      const given = Buffer.from(token)
      const isAlive = local?.process !== undefined
      return isAlive && local.token.length === given.length && timingSafeEqual(local.token, given)
    },
    lifeOf: (name) => locals.get(name)?.number ?? 0,
    isGivenUp: (name) => locals.get(name)?.isGivenUp === true,
    noteRound() {
      for (const local of locals.values()) local.deaths = 0
    },
    async close() {
      isClosing = true
      for (const { retry } of locals.values()) clearTimeout(retry)
      await Promise.all([...locals.values()].map((local) => local.process?.close()))
    },
  }

  function begin(local: Local): void {
    if (isClosing) return
    const { name } = local
    const token = randomBytes(24).toString('hex')
    local.number += 1
    local.token = Buffer.from(token)
    local.isGivenUp = false
    const { number } = local
    local.process = startLocalProcess(program, setupOf({ name, number, token }), (how) => ended(local, how))
    if (local.process.pid !== undefined) pids.set(name, local.process.pid)
  }

  function ended(local: Local, how: string): void {
    const { name } = local
    pids.delete(name)
    delete local.process
    if (isClosing) return
    local.deaths += 1
    const { deaths } = local
    local.isGivenUp = deaths >= mostDeaths
    const times = deaths === 1 ? 'once' : `${deaths} times`
    const cause = placementError('LOCAL_SITE_ENDED', { site: name, times, how, next: nextOf(local) })
    onEnd({ name, cause, isGivenUp: local.isGivenUp })
    if (local.isGivenUp && givenUpForMs === undefined) return
    // After a time without the process, one more end is enough to give the process up again.
    if (local.isGivenUp) local.deaths = mostDeaths - 1
    const delayMs = local.isGivenUp ? givenUpForMs : firstBackOffMs * 2 ** (deaths - 1)
    local.retry = setTimeout(() => begin(local), delayMs)
  }

  function nextOf({ isGivenUp }: Local): string {
    if (!isGivenUp) return 'the process is started again'
    const again = givenUpForMs === undefined ? '' : `; the process is tried again in ${givenUpForMs / 1000} s`
    return `the tasks go to other processes${again}`
  }
}
