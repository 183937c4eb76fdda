import type { ActorRef, ActorSystem } from '../../runtime/index.ts'
import { isObject } from '../../runtime/index.ts'
import { isRefusal } from '../model/errors.ts'

/** The answer to a request. Changes of the request are durable before the answer is told. */
export type Reply<Value> =
  | { readonly type: 'done'; readonly value: Value }
  /** The caller's mistake: a coded error of the layer's table. The request has changed nothing. */
  | { readonly type: 'refused'; readonly cause: Error }
  /** A fault. A requested change may or may not have been made. */
  | { readonly type: 'failed'; readonly cause: unknown; readonly context?: RequestContext }

/** Data that a request from outside brings, and that goes with the request from actor to actor. */
export interface RequestContext {
  /** Marks the log lines of one request. */
  readonly requestId: string
  /** Entity tags: one must be the tag of the thing to be changed. `*` matches any tag. */
  readonly ifMatch?: readonly string[]
  /** Entity tags: none may be the tag of the thing to be changed. `*`: the thing must not exist. */
  readonly ifNoneMatch?: readonly string[]
  /** Names the thing that the request makes, so that repetitions of the request make it once. */
  readonly once?: string
}

export interface Asking<Value> {
  readonly replyTo: ActorRef<Reply<Value>>
  readonly context?: RequestContext
}

/** A kind of request, for the compiler alone: the message's fields, and the value that answers the message. */
export interface Request<Fields, Value> {
  readonly fields: Fields
  readonly value: Value
}

/** An actor's protocol: the kind of request behind each type of message. */
type Protocol<Requests> = { readonly [Type in keyof Requests]: Request<unknown, unknown> }

/** The messages of a protocol: of one type, or of all types. */
export type Asked<Requests extends Protocol<Requests>, Type extends keyof Requests = keyof Requests> = {
  readonly [Name in Type]: { readonly type: Name } & Requests[Name]['fields'] & Asking<Requests[Name]['value']>
}[Type]

/** An actor's table: the handler of each type of message, which resolves with the answer. */
export type Handlers<Requests extends Protocol<Requests>> = {
  readonly [Type in keyof Requests]: (message: Asked<Requests, Type>) => Promise<Requests[Type]['value']>
}

/** Calls the handler of a message, and tells the asker how the request ended. Never rejects. */
export function answerBy<Requests extends Protocol<Requests>, Type extends keyof Requests>(
  handlers: Handlers<Requests>,
  message: Asked<Requests, Type>,
): Promise<void> {
  return answer<Requests[Type]['value']>(message, () => handlers[message.type](message))
}

/** Runs the work and tells the asker the result. Never rejects: each error becomes an answer. */
export async function answer<Value>({ replyTo, context }: Asking<Value>, work: () => Promise<Value>): Promise<void> {
  try {
    replyTo.tell({ type: 'done', value: await work() })
  } catch (cause) {
    const failed = { type: 'failed', cause, ...(context ? { context } : {}) } as const
    replyTo.tell(isRefusal(cause) ? { type: 'refused', cause } : failed)
  }
}

/** Whether a message is a reply that tells of a fault. */
export function isFailure(message: unknown): message is Extract<Reply<never>, { type: 'failed' }> {
  return isObject(message) && 'type' in message && message.type === 'failed' && 'cause' in message
}

/** Asks an actor of the control plane, and waits for the answer. Rejects with the actor's refusal or fault. */
export type Ask<Message> = <Value>(request: (replyTo: ActorRef<Reply<Value>>) => Message) => Promise<Value>

/** Adds the context of a request from outside to each message. */
export function inContext<Message>(ask: Ask<Message>, context: RequestContext): Ask<Message> {
  return (request) => ask((replyTo) => ({ ...request(replyTo), context }))
}

export function asking<Message>(
  system: Pick<ActorSystem, 'ask'>,
  actor: ActorRef<Message>,
  { timeoutMs }: { readonly timeoutMs: number },
): Ask<Message> {
  return async (request) => {
    const reply = await system.ask(actor, request, { timeoutMs })
    if (reply.type === 'done') return reply.value
    throw reply.cause
  }
}
