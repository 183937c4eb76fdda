import type { Clock } from './clocks.ts'
import { kernelError } from './errors.ts'
import type { Emitter } from './event-source.ts'
import type { ActorRef, Address, Cancel, DeadLetter, Decode, KernelEvent, Scheduler, Terminated } from './protocol.ts'

let addressees = 0

/** What every ref is to the kernel and to links, wherever its actor lives. Each ref that a system makes is one. */
export abstract class Addressee {
  /** Unique in this process: no newer actor has the same. */
  readonly number: number = ++addressees
  abstract readonly path: string
  abstract readonly address: Address
  /** The actor lives in this process. */
  abstract readonly isLocal: boolean
  /** Knows how to decode the messages of other nodes, so that its ref may be given to them. */
  abstract readonly hasDecoder: boolean
  /** Stops the actor, its children first. */
  abstract stop(cause?: unknown): void
  /** Called once when the actor has stopped; at once if it has already. Returns a function that removes the listener. */
  abstract onStopped(listener: (terminated: Terminated) => void): Cancel
  /** Takes a message that another node told. A message that isn't of the actor's protocol becomes a dead letter. */
  abstract receive(value: unknown): void
  /** Takes a message that another node offered; rejects as `offer` does, or with KERNEL_UNDECODABLE. */
  abstract receiveOffer(value: unknown): Promise<void>
}

/** The addressee behind a reference. KERNEL_NO_REF if no actor system made the reference. */
export function addressee(ref: ActorRef<never>): Addressee {
  if (ref instanceof Addressee) return ref
  throw kernelError('KERNEL_NO_REF', { path: ref.path })
}

/**
 * Tells a ref from other values, for decoders. The messages that the ref accepts can't be seen: if the ref belongs to another
 * node, that node decodes them.
 */
export function isActorRef<Message>(value: unknown): value is ActorRef<Message> {
  return value instanceof Addressee
}

/** An actor of this process, whatever messages it takes. */
export abstract class LocalActor extends Addressee {
  abstract readonly name: string
  abstract readonly parent: LocalActor | undefined
  readonly isLocal = true
  /** No message waits. */
  abstract readonly isIdle: boolean
  /** It waits for its turn. */
  abstract scheduled: boolean
  /** Takes messages until none waits, the batch is done or the actor awaits something. Answers with the number taken. */
  abstract takeTurn(most: number): number
  /** Leaves a fault of the present incarnation to the supervision of this actor. */
  abstract fault(cause: unknown): void
  /** The same, but for the parent that a fault is escalated to: the parent is answered with. */
  abstract faulted(cause: unknown): LocalActor | undefined
  abstract childStopped(child: LocalActor): void
}

/** All that the actors of a system share. */
export interface Surroundings {
  /** Name and incarnation of the system among the nodes that it has links to. */
  readonly node: Pick<Address, 'node' | 'nodeIncarnation'>
  readonly clock: Clock
  readonly scheduler: Scheduler | undefined
  readonly events: Emitter<KernelEvent>
  readonly slowHandlerMs: number
  /** Number of the actor whose turn runs now; 0 outside of any. */
  readonly sender: number
  /** Actors now living. */
  size: number
  /** Gives an actor a turn, once however often it's asked before the turn. */
  schedule(cell: LocalActor): void
  /** An actor has stopped. */
  closed(cell: LocalActor): void
  /** Does a step of a stop, after those under way: a tree of any depth is stopped without a call within a call. */
  step(step: () => void): void
  deadLetter(letter: DeadLetter): void
  faultAtTop(cause: unknown, path: string): void
  track<T>(work: Promise<T>): Promise<T>
}

/** Decodes a message of another node. If the message isn't one of the protocol: a dead letter, and undefined. */
export function decoded<Message>(
  decode: Decode<Message> | undefined,
  value: unknown,
  path: string,
  surroundings: Surroundings,
): Message | undefined {
  let cause: unknown
  try {
    const message = decode?.(value)
    if (message !== undefined) return message
  } catch (thrown) {
    cause = thrown
  }
  const letter: DeadLetter = { path, message: value, reason: 'undecodable' }
  surroundings.deadLetter(cause === undefined ? letter : { ...letter, cause })
  return undefined
}
