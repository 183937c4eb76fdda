import { once } from 'node:events'
import { WebSocket } from 'ws'
import {
  type ActorRef,
  type ActorSystem,
  actorSystem,
  type Connection,
  type DialRoute,
  isActorRef,
  nodeLink,
  systemClock,
} from '../../runtime/index.ts'
import { dialWebSocket } from '../../runtime/link/ws/index.ts'
import type { BenchMessage } from './bench-messages.ts'

/** A node that has joined the server. */
export interface Joined extends AsyncDisposable {
  readonly system: ActorSystem
  readonly entry: ActorRef<BenchMessage>
  readonly connection: Connection
  /** Asks, and waits for the answer. */
  ask(request: (replyTo: ActorRef<unknown>) => BenchMessage): Promise<unknown>
}

let nodes = 0

export const anything = (value: unknown): unknown => value

export async function join(dial: DialRoute, name = `device-${++nodes}-${process.pid}`): Promise<Joined> {
  const system = actorSystem({ name, clock: systemClock() })
  const { promise, resolve } = withResolvers<ActorRef<BenchMessage>>()
  const link = nodeLink(system, {
    onPeer: ({ entry }) => isActorRef<BenchMessage>(entry) && resolve(entry),
  })
  const connection = link.connect({ dial, rights: { mayStop: false } })
  const entry = await promise
  return {
    system,
    entry,
    connection,
    ask: (request) => system.ask<unknown, BenchMessage>(entry, request, { timeoutMs: 120_000, decode: anything }),
    async [Symbol.asyncDispose]() {
      connection.close()
      await system.terminate()
    },
  }
}

export const dialOf = (port: number): DialRoute => dialWebSocket(`ws://127.0.0.1:${port}`)

/** A bare WebSocket to the server, with masks as ws makes them, or without, as the link's are on loopback. */
export async function rawSocket(port: number, isMasked = false): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/raw`, {
    perMessageDeflate: false,
    ...(!isMasked && { generateMask: (mask: Buffer) => void mask.fill(0) }),
  })
  await once(socket, 'open')
  return socket
}

export async function answerOf(socket: WebSocket): Promise<Buffer> {
  const [data] = await once(socket, 'message')
  return data
}

/** Processor time that this process has used. */
export function cpuNanoseconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

export function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((found) => (resolve = found))
  return { promise, resolve }
}

export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN
}
