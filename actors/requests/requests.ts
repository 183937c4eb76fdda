import type { ActorRef, ActorSystem } from '../../runtime/index.ts'
import { isRefusal } from '../model/errors.ts'

/** How a request to the catalogue ended. What it changed is durable when this is told. */
export type Reply<Value> =
  | { readonly type: 'done'; readonly value: Value }
  /** The asker's mistake: a coded error of the layer's table. Nothing was changed. */
  | { readonly type: 'refused'; readonly cause: Error }
  /** A fault. The change, if one was asked for, may or may not have been made. */
  | { readonly type: 'failed'; readonly cause: unknown; readonly context?: RequestContext }

/** What comes with a request from outside, and goes with it from actor to actor. */
export interface RequestContext {
  /** By which the logs tell what belongs to one request. */
  readonly requestId: string
  /** Of what is to be changed, one must be the present one's. `*` stands for any. */
  readonly ifMatch?: readonly string[]
  /** Of what is to be changed, none must be the present one's. `*`: there must be none. */
  readonly ifNoneMatch?: readonly string[]
  /** Names what the request makes: however often it comes, it's made once. */
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

/** Does what was asked and tells how it ended. Never rejects: who asked hears of every fault. */
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
  return (
    typeof message === 'object' &&
    message !== null &&
    'type' in message &&
    message.type === 'failed' &&
    'cause' in message
  )
}

/** Asks an actor of the control plane and waits for what it did. Rejects with its refusal, or with the fault. */
export type Ask<Message> = <Value>(request: (replyTo: ActorRef<Reply<Value>>) => Message) => Promise<Value>

/** Asks with what came with a request from outside, which the message carries from actor to actor. */
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
