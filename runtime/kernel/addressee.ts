import type { Clock } from './clocks.ts'
import { kernelError } from './errors.ts'
import type { Emitter } from './event-source.ts'
import type { ActorRef, Address, Cancel, DeadLetter, Decode, KernelEvent, Scheduler, Terminated } from './protocol.ts'

let addressees = 0

/** Hears once that an actor has stopped. */
export interface StopListener {
  stopped(terminated: Terminated): void
}

/**
 * The interface of every ref for the kernel and links, for actors of this and of other nodes. Each ref of a system is
 * an Addressee.
 */
export abstract class Addressee {
  /** Unique in this process: no newer actor has the same number. */
  readonly number: number = ++addressees
  abstract readonly path: string
  abstract readonly address: Address
  /** Whether the actor lives in this process. */
  abstract readonly isLocal: boolean
  /** Whether the actor decodes messages of other nodes, so that its ref may be given to them. */
  abstract readonly hasDecoder: boolean
  /** Whether large messages of other nodes are lent to the actor. */
  get borrows(): boolean {
    return false
  }
  /** Stops the actor, its children first. */
  abstract stop(cause?: unknown): void
  /** Tells the listener once that the actor has stopped, at once if it has stopped already. */
  abstract addStopListener(listener: StopListener): void
  abstract removeStopListener(listener: StopListener): void
  /** Calls back once when the actor has stopped, at once if it has stopped already. Returns a function that cancels. */
  onStopped(stopped: (terminated: Terminated) => void): Cancel {
    const listener = { stopped }
    this.addStopListener(listener)
    return () => this.removeStopListener(listener)
  }
  /** Takes a message of another node. A message outside the actor's protocol becomes a dead letter. */
  abstract receive(value: unknown): void
  /** Takes an offer of another node. Rejects as `offer` does, or with KERNEL_UNDECODABLE. */
  abstract receiveOffer(value: unknown): Promise<void>
}

/** The addressee behind a reference. KERNEL_NO_REF if no actor system made the reference. */
export function addressee(ref: ActorRef<never>): Addressee {
  if (ref instanceof Addressee) return ref
  throw kernelError('KERNEL_NO_REF', { path: ref.path })
}

/**
 * Whether a value is a ref, for decoders. The ref's type of messages is unknown: if the ref belongs to another node,
 * this node decodes the messages.
 */
export function isActorRef<Message>(value: unknown): value is ActorRef<Message> {
  return value instanceof Addressee
}

/** An actor of this process, with any type of messages. */
export abstract class LocalActor extends Addressee {
  abstract readonly name: string
  abstract readonly parent: LocalActor | undefined
  /** A getter, as each field of a million actors counts. */
  get isLocal(): true {
    return true
  }
  /** Whether no message waits. */
  abstract readonly isIdle: boolean
  /** Whether the actor waits for its turn. */
  abstract scheduled: boolean
  /**
   * Takes messages until none waits, the batch is done, or the actor awaits a promise. Returns the number of taken
   * messages.
   */
  abstract takeTurn(most: number): number
  /** Leaves a fault of the present incarnation to this actor's supervision. */
  abstract fault(cause: unknown): void
  /** As `fault`, but returns the parent to which the fault escalates, if it does. */
  abstract faulted(cause: unknown): LocalActor | undefined
  abstract childStopped(child: LocalActor): void
}

/** Parts that all actors of a system share. */
export interface Surroundings {
  /** Name and incarnation of the system among linked nodes. */
  readonly node: Pick<Address, 'node' | 'nodeIncarnation'>
  readonly clock: Clock
  readonly scheduler: Scheduler | undefined
  readonly events: Emitter<KernelEvent>
  readonly slowHandlerMs: number
  /** Number of the actor whose turn runs now. 0 outside of turns. */
  readonly sender: number
  /** Number of living actors. */
  size: number
  /** Schedules one turn of an actor. Further calls before this turn have no effect. */
  schedule(cell: LocalActor): void
  /** Called when an actor has stopped. */
  closed(cell: LocalActor): void
  /** Does a step of a stop, after the steps in progress, so that a tree of any depth is stopped without recursion. */
  step(step: () => void): void
  deadLetter(letter: DeadLetter): void
  faultAtTop(cause: unknown, path: string): void
  track<T>(work: Promise<T>): Promise<T>
  outside<T>(work: Promise<T>, actor: { readonly signal: AbortSignal }): Promise<T>
}

/**
 * Decodes a message of another node. If the message is outside the protocol, makes a dead letter and returns undefined.
 */
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
