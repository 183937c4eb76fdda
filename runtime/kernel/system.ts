import { addressee, type LocalActor, type Surroundings } from './addressee.ts'
import { ask } from './ask.ts'
import { Cell } from './cell.ts'
import { type Clock, systemClock, type VirtualClock } from './clocks.ts'
import { kernelError } from './errors.ts'
import { DeadLetterOffice, Emitter } from './event-source.ts'
import { OutsideWork } from './outside-work.ts'
import type {
  ActorRef,
  ActorSystem,
  ActorSystemOptions,
  AskOptions,
  Behavior,
  DeadLetter,
  KernelEvent,
  SpawnOptions,
  Terminated,
} from './protocol.ts'
import { Turns } from './turns.ts'

/** Starts an actor system. The system itself keeps no process alive. `terminate` releases its resources. */
export function actorSystem({
  name: node = 'local',
  incarnation: nodeIncarnation = 1,
  clock = systemClock(),
  scheduler,
  slowHandlerMs = 1000,
  onFault,
}: ActorSystemOptions = {}): ActorSystem {
  const events = new Emitter<KernelEvent>()
  const deadLetters = new DeadLetterOffice<DeadLetter>()
  const roots = new Map<string, LocalActor>()
  const turns = new Turns(scheduler, lookWhetherIdle)
  const idleWaiters: (() => void)[] = []
  const outside = scheduler && new OutsideWork(scheduler, lookWhetherIdle)
  const virtual = isVirtual(clock) ? clock : undefined
  let tracked = 0
  let looking = false
  let terminating: Promise<void> | undefined

  const surroundings: Surroundings = {
    node: { node, nodeIncarnation },
    clock,
    scheduler,
    events,
    slowHandlerMs,
    size: 0,
    get sender() {
      return turns.sender
    },
    schedule: (cell) => turns.schedule(cell),
    closed(cell) {
      turns.close(cell)
      if (!cell.parent && roots.get(cell.name) === cell) roots.delete(cell.name)
    },
    step: stepByStep(),
    deadLetter(letter) {
      deadLetters.count += 1
      if (deadLetters.active) deadLetters.emit(terminating ? { ...letter, reason: 'system-terminated' } : letter)
    },
    faultAtTop(cause, path) {
      if (onFault) onFault(cause, path)
      else void terminate()
    },
    track,
    // Without a scheduler, an actor needs no signal for it.
    outside: (work, actor) => track(outside ? outside.hold(work, actor.signal) : work),
  }
  virtual?.attach(lookWhetherIdle)

  return {
    node: surroundings.node,
    clock,
    deadLetters,
    events,
    get size() {
      return surroundings.size
    },
    spawn<Message>(
      name: string,
      behavior: Behavior<Message>,
      options: SpawnOptions<NoInfer<Message>> = {},
    ): ActorRef<Message> {
      if (terminating) throw kernelError('KERNEL_STOPPED', { path: '/' })
      if (name === '' || name.includes('/')) throw kernelError('KERNEL_NAME_INVALID', { name: JSON.stringify(name) })
      if (roots.has(name)) throw kernelError('KERNEL_NAME_TAKEN', { parent: '/', name })
      const cell = new Cell(name, undefined, surroundings, behavior, options)
      roots.set(name, cell)
      return cell
    },
    stop: (ref) => addressee(ref).stop(),
    ask: <Reply, Request>(
      ref: ActorRef<Request>,
      request: (replyTo: ActorRef<Reply>) => Request,
      options: AskOptions<Reply>,
    ) => ask(surroundings, ref, request, options),
    track,
    deadLetter: (letter) => surroundings.deadLetter(letter),
    stopped: (ref) => new Promise<Terminated>((resolve) => void addressee(ref).onStopped(resolve)),
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve)
        lookWhetherIdle()
      }),
    terminate,
  }

  function track<T>(work: Promise<T>): Promise<T> {
    tracked += 1
    return work.then(ended, failed)
  }

  function ended<T>(result: T): T {
    tracked -= 1
    lookWhetherIdle()
    return result
  }

  function failed(cause: unknown): never {
    ended(undefined)
    throw cause
  }

  /** Checks for idleness after the present work has come to rest: promises settle before the check. */
  function lookWhetherIdle(): void {
    if (looking || (!virtual && !outside?.isPending && idleWaiters.length === 0)) return
    looking = true
    afterPromises(() => {
      looking = false
      if (turns.pending) return
      if (outside?.isPending) {
        if (outside.tellNext()) lookWhetherIdle()
        return
      }
      if (tracked > 0) return
      if (virtual && !terminating && virtual.jump()) return lookWhetherIdle()
      for (const resolve of idleWaiters.splice(0)) resolve()
    })
  }

  function terminate(): Promise<void> {
    terminating ??= Promise.all(
      [...roots.values()].map((cell) => new Promise((resolve) => void cell.onStopped(resolve))),
    ).then(() => turns.shutDown())
    for (const cell of [...roots.values()]) cell.stop()
    return terminating
  }
}

/** Does steps one after the other. Steps that a step requests follow, before the first call returns. */
function stepByStep(): (step: () => void) => void {
  let waiting: (() => void)[] | undefined
  return (first) => {
    if (waiting) return void waiting.push(first)
    waiting = [first]
    const faults: unknown[] = []
    for (const step of waiting)
      try {
        step()
      } catch (cause) {
        // The other actors must stop all the same.
        faults.push(cause)
      }
    waiting = undefined
    if (faults.length > 0) throw faults[0]
  }
}

function isVirtual(clock: Clock): clock is VirtualClock {
  return 'jump' in clock
}

/** Calls back in a separate task, after all settled promises have been handled. */
const afterPromises: (callback: () => void) => void =
  typeof setImmediate === 'function'
    ? (callback) => void setImmediate(callback)
    : (callback) => void setTimeout(callback, 0)
