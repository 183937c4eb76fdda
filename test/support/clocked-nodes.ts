import {
  type ActorRef,
  type ActorSystem,
  actorSystem,
  type ConnectOptions,
  type LaneName,
  manualClock,
  memoryRoute,
  type NodeLink,
  type NodeLinkOptions,
  nodeLink,
  type PeerRights,
  type Refusal,
  type Route,
  type RouteListener,
  type Scheduler,
} from '../../runtime/index.ts'

/** A node whose clock moves on command. */
export interface ClockedNode {
  readonly system: ActorSystem
  readonly clock: ReturnType<typeof manualClock>
  /** Nodes that the link has refused. */
  readonly refusals: readonly Refusal[]
  /** Joins the node to others. Made at the first use, so that the node's entry can be spawned before. */
  readonly link: NodeLink
}

export function clockedNode(
  name: string,
  options: NodeLinkOptions = {},
  incarnation = 1,
  scheduler?: Scheduler,
): ClockedNode {
  const clock = manualClock()
  const system = actorSystem({ name, incarnation, clock, ...(scheduler && { scheduler }) })
  const refusals: Refusal[] = []
  let link: NodeLink | undefined
  return {
    system,
    clock,
    refusals,
    get link(): NodeLink {
      link ??= nodeLink(system, { onRefused: (refusal) => refusals.push(refusal), ...options })
      return link
    },
  }
}

/** Spawns an actor that notes its messages, and accepts any message of another node. */
export function noting(system: ActorSystem, into: unknown[], name = 'entry'): ActorRef<unknown> {
  return system.spawn<unknown>(name, () => (message) => void into.push(message), { decode: (value) => value })
}

/** A route of a connection, whose faults a test decides. */
export class TestedRoute {
  readonly ends: readonly [dialled: Route, accepted: Route]
  /** Number of the frames that were sent, in both directions. */
  frames = 0
  /** A half-open connection: frames are lost, and nobody is told. */
  isMute = false
  /** Changes each frame on its way. */
  change: (frame: Uint8Array<ArrayBuffer>) => readonly Uint8Array<ArrayBuffer>[] = (frame) => [frame]
  readonly #listeners: [dialled?: RouteListener, accepted?: RouteListener] = []
  #held: (() => void)[] | undefined

  constructor() {
    const [left, right] = memoryRoute()
    this.ends = [this.#faulty(left, 0), this.#faulty(right, 1)]
  }

  /** Both ends hear that the route is lost, with all frames on their way. */
  lose(): void {
    this.isMute = true
    for (const listener of this.#listeners) listener?.lost()
  }

  /** Tells the accepting end that somebody believes the dialling node to be gone. */
  doubt(): void {
    this.#listeners[1]?.doubted?.()
  }

  /** Delays the following frames until `release`. */
  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const send of held) send()
  }

  #faulty(route: Route, end: 0 | 1): Route {
    return {
      send: (frame) => {
        this.frames += 1
        const send = () => {
          if (!this.isMute) for (const arriving of this.change(frame)) route.send(arriving)
        }
        if (this.#held) this.#held.push(send)
        else send()
      },
      listen: (listener) => {
        this.#listeners[end] = listener
        route.listen(listener)
      },
      close: () => {
        if (!this.isMute) route.close()
      },
    }
  }
}

/** Dials a node of this process. Keeps the routes of each lane. */
export function dialling(
  to: () => ClockedNode,
  rights: PeerRights | { readonly from: string } = { from: '192.0.2.1' },
) {
  const routes: Record<LaneName, TestedRoute[]> = { control: [], bulk: [] }
  let isDark = false
  const dial: ConnectOptions['dial'] = async (lane) => {
    const tested = new TestedRoute()
    tested.isMute = isDark
    routes[lane].push(tested)
    to().link.accept(tested.ends[1], rights)
    return tested.ends[0]
  }
  return {
    dial,
    routes,
    /** Makes all routes half-open, also later ones. */
    darken() {
      isDark = true
      for (const tested of [...routes.control, ...routes.bulk]) tested.isMute = true
    },
    last: (lane: LaneName) => routes[lane].at(-1),
    /** The dialling node hears of the loss, the other one doesn't. */
    cut: (lane: LaneName) => routes[lane].at(-1)?.ends[1].close(),
  }
}

/** Waits until all messages between nodes have been handled, and all routes that are being dialled are there. */
export async function settled(...nodes: readonly Pick<ClockedNode, 'system'>[]): Promise<void> {
  for (let round = 0; round < 8; round++) {
    await Promise.all(nodes.map(({ system }) => system.idle()))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Lets time pass at all nodes, in steps so that they can answer each other. */
export async function later(
  ms: number,
  nodes: readonly Pick<ClockedNode, 'system' | 'clock'>[],
  stepMs = ms,
): Promise<void> {
  await settled(...nodes)
  for (let passed = 0; passed < ms; passed += stepMs) {
    for (const { clock } of nodes) clock.advance(Math.min(stepMs, ms - passed))
    await settled(...nodes)
  }
}

export async function terminated(...nodes: readonly ClockedNode[]): Promise<void> {
  await Promise.all(nodes.map(({ system }) => system.terminate()))
}
