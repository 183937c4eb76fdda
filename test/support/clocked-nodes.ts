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

export function clockedNode(name: string, options: NodeLinkOptions = {}, incarnation = 1): ClockedNode {
  const clock = manualClock()
  const system = actorSystem({ name, incarnation, clock })
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
export interface TestedRoute {
  readonly ends: readonly [dialled: Route, accepted: Route]
  /** Number of the frames that were sent, in both directions. */
  frames: number
  /** A half-open connection: frames are lost, and nobody is told. */
  isMute: boolean
  /** Tells the accepting end that somebody believes the dialling node to be gone. */
  doubt: () => void
  /** Changes each frame on its way. */
  change: (frame: Uint8Array<ArrayBuffer>) => readonly Uint8Array<ArrayBuffer>[]
}

/** Dials a node of this process. Keeps the routes of each lane. */
export function dialling(
  to: () => ClockedNode,
  rights: PeerRights | { readonly from: string } = { from: '192.0.2.1' },
) {
  const routes: Record<LaneName, TestedRoute[]> = { control: [], bulk: [] }
  const control = { isDark: false }
  const dial: ConnectOptions['dial'] = async (lane) => {
    const [left, right] = memoryRoute()
    const tested: TestedRoute = {
      ends: [faulty(left, () => tested, false), faulty(right, () => tested, true)],
      frames: 0,
      isMute: control.isDark,
      doubt: () => {},
      change: (frame) => [frame],
    }
    routes[lane].push(tested)
    to().link.accept(tested.ends[1], rights)
    return tested.ends[0]
  }
  return {
    dial,
    routes,
    /** Makes all routes half-open, also later ones. */
    darken() {
      control.isDark = true
      for (const tested of [...routes.control, ...routes.bulk]) tested.isMute = true
    },
    last: (lane: LaneName) => routes[lane].at(-1),
    /** The dialling node hears of the loss, the other one doesn't. */
    cut: (lane: LaneName) => routes[lane].at(-1)?.ends[1].close(),
  }
}

function faulty(route: Route, tested: () => TestedRoute, isAccepted: boolean): Route {
  return {
    send(frame) {
      tested().frames += 1
      if (!tested().isMute) for (const arriving of tested().change(frame)) route.send(arriving)
    },
    listen(listener) {
      if (isAccepted) tested().doubt = () => listener.doubted?.()
      route.listen(listener)
    },
    close() {
      if (!tested().isMute) route.close()
    },
  }
}

/** Waits until all messages between nodes have been handled, and all routes that are being dialled are there. */
export async function settled(...nodes: readonly ClockedNode[]): Promise<void> {
  for (let round = 0; round < 8; round++) {
    await Promise.all(nodes.map(({ system }) => system.idle()))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Lets time pass at all nodes, in steps so that they can answer each other. */
export async function later(ms: number, nodes: readonly ClockedNode[], stepMs = ms): Promise<void> {
  await settled(...nodes)
  for (let passed = 0; passed < ms; passed += stepMs) {
    for (const { clock } of nodes) clock.advance(Math.min(stepMs, ms - passed))
    await settled(...nodes)
  }
}

export async function terminated(...nodes: readonly ClockedNode[]): Promise<void> {
  await Promise.all(nodes.map(({ system }) => system.terminate()))
}
