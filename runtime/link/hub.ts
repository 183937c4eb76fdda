import { type Clock, systemClock } from '../kernel/clocks.ts'
import type { Route } from './frame.ts'

/** The first frame of a node to a hub, and the hub's first frame to the node. */
export const hubWords = { serve: 1, dial: 2, joined: 3, refused: 4, nobody: 5 } as const
const mostNameBytes = 1000

/** A node that wants to serve under a name. The token is for the hub alone. */
export interface HubClaim {
  readonly name: string
  readonly token: string
  readonly from: string
}

export interface HubOptions {
  /**
   * Decides who may serve under a name: who serves hears the tokens of all nodes that dial the name. A rejection is a
   * refusal.
   */
  readonly mayServe: (claim: HubClaim) => Promise<boolean>
  /** Most routes of serving nodes that wait for a dialling node, by name. Further ones are closed. Default: 64. */
  readonly mostWaiting?: number
  /** Most dialling nodes that wait for a serving node. Further ones are refused. Default: 1,000. */
  readonly mostDialling?: number
  /** A node that has said nothing, or that nobody serves, is refused after this time. Default: 5,000. */
  readonly waitMs?: number
  /** Two routes are closed if this much waits for a slow one. Sessions send far less ahead. Default: 8 MiB. */
  readonly mostQueuedBytes?: number
  readonly clock?: Clock
}

/** Joins routes of nodes that can't reach each other. A hub stores and acknowledges nothing: sessions do that. */
export interface Hub {
  /** Takes a route that a node has made to this hub. `from` is the address at which the route began. */
  accept(route: Route, from: string): void
  /** Numbers of joined pairs, and of routes that wait to be joined. */
  readonly counts: { readonly pairs: number; readonly serving: number; readonly dialling: number }
  close(): void
}

/** One end of a route to the hub. */
interface Guest {
  readonly route: Route
  readonly from: string
  state: 'new' | 'asked' | 'serving' | 'dialling' | 'joined' | 'gone'
  name: string
  other?: Guest
  stopWaiting: () => void
}

/** Makes a hub, which reads nothing but the first frame of each route. */
export function hub(options: HubOptions): Hub {
  const { mayServe, mostWaiting = 64, mostDialling = 1000, waitMs = 5000 } = options
  const { mostQueuedBytes = 8 * 1024 * 1024, clock = systemClock() } = options
  const guests = new Set<Guest>()
  const serving = new Map<string, Set<Guest>>()
  /** In the order in which they came. */
  const dialling = new Set<Guest>()
  let pairs = 0
  return {
    accept(route, from) {
      const guest: Guest = { route, from, state: 'new', name: '', stopWaiting() {} }
      guest.stopWaiting = clock.schedule(waitMs, () => leave(guest, hubWords.refused))
      guests.add(guest)
      route.listen({ heard: (frame) => heard(guest, frame), lost: () => leave(guest) })
    },
    get counts() {
      const waiting = [...serving.values()].reduce((sum, { size }) => sum + size, 0)
      return { pairs, serving: waiting, dialling: dialling.size }
    },
    close() {
      for (const guest of [...guests]) leave(guest)
    },
  }

  function heard(guest: Guest, frame: Uint8Array<ArrayBuffer>): void {
    const { other } = guest
    if (guest.state === 'joined' && other) {
      other.route.send(frame)
      if ((other.route.queuedBytes ?? 0) > mostQueuedBytes) leave(guest)
    } else if (guest.state === 'new') greeted(guest, frame)
    // Nobody has said yet that the other end listens.
    else leave(guest, hubWords.refused)
  }

  function greeted(guest: Guest, frame: Uint8Array): void {
    const greeting = decodeHubGreeting(frame)
    if (!greeting) return leave(guest, hubWords.refused)
    const { word, name, token } = greeting
    guest.name = name
    if (word === hubWords.dial) return dial(guest)
    guest.state = 'asked'
    mayServe({ name, token, from: guest.from }).then(
      (may) => (may ? serve(guest) : leave(guest, hubWords.refused)),
      () => leave(guest, hubWords.refused),
    )
  }

  function serve(guest: Guest): void {
    if (guest.state === 'gone') return
    guest.stopWaiting()
    for (const waiting of dialling) if (waiting.name === guest.name) return join(waiting, guest)
    const own = serving.get(guest.name) ?? new Set()
    if (own.size >= mostWaiting) return leave(guest, hubWords.nobody)
    serving.set(guest.name, own.add(guest))
    guest.state = 'serving'
  }

  function dial(guest: Guest): void {
    guest.stopWaiting()
    const [waiting] = serving.get(guest.name) ?? []
    if (waiting) return join(guest, waiting)
    if (dialling.size >= mostDialling) return leave(guest, hubWords.nobody)
    guest.state = 'dialling'
    dialling.add(guest)
    guest.stopWaiting = clock.schedule(waitMs, () => leave(guest, hubWords.nobody))
  }

  function join(dialled: Guest, served: Guest): void {
    pairs += 1
    for (const [guest, other] of [
      [dialled, served],
      [served, dialled],
    ] as const) {
      stopWaiting(guest)
      guest.state = 'joined'
      guest.other = other
      guest.route.send(Uint8Array.of(hubWords.joined))
    }
  }

  function stopWaiting(guest: Guest): void {
    guest.stopWaiting()
    dialling.delete(guest)
    const own = serving.get(guest.name)
    if (own?.delete(guest) && own.size === 0) serving.delete(guest.name)
  }

  /** Closes a route, and the route that it was joined to. */
  function leave(guest: Guest, word?: number): void {
    if (guest.state === 'gone') return
    stopWaiting(guest)
    guests.delete(guest)
    guest.state = 'gone'
    if (word !== undefined) guest.route.send(Uint8Array.of(word))
    guest.route.close()
    const { other } = guest
    if (!other || other.state === 'gone') return
    pairs -= 1
    leave(other)
  }
}

/** 0 word, 1 length of the name in bytes, little-endian, 3 name, token. */
export function encodeHubGreeting(word: number, name: string, token = ''): Uint8Array<ArrayBuffer> {
  const named = new TextEncoder().encode(name)
  const proven = new TextEncoder().encode(token)
  const frame = new Uint8Array(3 + named.length + proven.length)
  const view = new DataView(frame.buffer)
  view.setUint8(0, word)
  view.setUint16(1, named.length, true)
  frame.set(named, 3)
  frame.set(proven, 3 + named.length)
  return frame
}

function decodeHubGreeting(frame: Uint8Array): { word: number; name: string; token: string } | undefined {
  if (frame.length < 4) return undefined
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength)
  const [word, length] = [view.getUint8(0), view.getUint16(1, true)]
  if (word !== hubWords.serve && word !== hubWords.dial) return undefined
  if (length === 0 || length > mostNameBytes || 3 + length > frame.length) return undefined
  const [name, token] = [frame.subarray(3, 3 + length), frame.subarray(3 + length)]
  return { word, name: new TextDecoder().decode(name), token: new TextDecoder().decode(token) }
}
