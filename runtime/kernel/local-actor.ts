import { kernelError } from './errors.ts'
import type { ActorRef, Terminated } from './protocol.ts'

/** What an actor of this process is to the kernel, whatever messages it takes. */
export abstract class LocalActor {
  abstract readonly number: number
  abstract readonly name: string
  abstract readonly path: string
  abstract readonly parent: LocalActor | undefined
  /** No message waits. */
  abstract readonly isIdle: boolean
  /** It waits for its turn. */
  abstract scheduled: boolean
  /** Takes messages until none waits, the batch is done or something must be waited for. Answers with how many it took. */
  abstract takeTurn(most: number): number
  /** Stops the actor, its children first. */
  abstract stop(cause?: unknown): void
  /** Called once when the actor has stopped; at once if it has already. Returns what takes the listener away. */
  abstract onStopped(listener: (terminated: Terminated) => void): () => void
  /** What the supervision of this actor makes of a fault of its present incarnation. */
  abstract fault(cause: unknown): void
  /** The same, but for what an escalation makes of the parent, which is answered with. */
  abstract faulted(cause: unknown): LocalActor | undefined
  abstract childStopped(child: LocalActor): void
}

/** The actor behind a reference. KERNEL_NOT_LOCAL if it isn't one of this process. */
export function localActor(ref: ActorRef<never>): LocalActor {
  if (ref instanceof LocalActor) return ref
  throw kernelError('KERNEL_NOT_LOCAL', { path: ref.path })
}
