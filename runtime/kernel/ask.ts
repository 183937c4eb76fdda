import { kernelError } from './errors.ts'
import { LocalActor } from './local-actor.ts'
import type { ActorRef, AskOptions, Cancel } from './protocol.ts'
import type { Surroundings } from './surroundings.ts'

/** Takes the first reply; each later one is a dead letter. */
class ReplyRef<Reply> implements ActorRef<Reply> {
  readonly #surroundings: Surroundings
  readonly #asked: ActorRef<never>
  #settle: ((reply: Reply) => void) | undefined

  constructor(surroundings: Surroundings, asked: ActorRef<never>, settle: (reply: Reply) => void) {
    this.#surroundings = surroundings
    this.#asked = asked
    this.#settle = settle
  }

  get path(): string {
    return `${this.#asked.path}?`
  }

  tell(reply: Reply): void {
    const settle = this.#settle
    this.close()
    if (settle) settle(reply)
    else this.#surroundings.deadLetter({ path: this.path, message: reply, reason: 'late-reply' })
  }

  async offer(reply: Reply): Promise<void> {
    this.tell(reply)
  }

  close(): void {
    this.#settle = undefined
  }
}

/** Tells a request that holds where to reply, and waits for the reply, the time-out, or the end of who was asked. */
export function ask<Reply, Request>(
  surroundings: Surroundings,
  ref: ActorRef<Request>,
  request: (replyTo: ActorRef<Reply>) => Request,
  { timeoutMs }: AskOptions,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let unwatch: Cancel | undefined
    let stopTimer: Cancel | undefined
    const finish = () => {
      stopTimer?.()
      unwatch?.()
    }
    const replyTo = new ReplyRef<Reply>(surroundings, ref, (reply) => {
      finish()
      resolve(reply)
    })
    const fail = (cause: Error) => {
      replyTo.close()
      finish()
      reject(cause)
    }
    stopTimer = surroundings.clock.schedule(timeoutMs, () =>
      fail(kernelError('KERNEL_ASK_TIMEOUT', { path: ref.path, timeoutMs })),
    )
    if (ref instanceof LocalActor)
      unwatch = ref.onStopped(() => fail(kernelError('KERNEL_STOPPED', { path: ref.path })))
    ref.tell(request(replyTo))
  })
}
