import {
  type ActorRef,
  type Behavior,
  type CodedError,
  type DurableStore,
  isActorRef,
  type NodeLink,
} from '../../runtime/index.ts'
import {
  askTaken,
  type CodeMessage,
  type CodeReply,
  decodeCodeReply,
  decodeSiteReply,
  forgetRole,
  type HostMessage,
  handOver,
  type HostedTask as JobTask,
  type OwnSiteMessage,
  type PrepareMessage,
  type SiteMessage,
  type SiteReply,
  type TakenReply,
  takeRole,
} from '../../sdk/index.ts'
import type { CodeSource, PreparedCode } from '../code/device-code.ts'
import { flameletError } from '../errors.ts'
import { taskKeeper } from './task-keeper.ts'
import { startTaskProcess, type TaskProcess } from './task-process.ts'
import { decodeFromTask, type TaskSetup } from './task-protocol.ts'

export interface ProcessSiteParts {
  /** Name of the flamelet's node. */
  readonly flamelet: string
  /** Begins the names of the processes' nodes, where several sites share the link. Default: the flamelet's name. */
  readonly prefix?: string
  /** Further paths that the processes may read. `all`: they have the rights of this account. Default: none. */
  readonly reads?: readonly string[] | 'all'
  /** Keeps the state of the tasks' roles. */
  readonly store: DurableStore
  /** The link of the flamelet's system. */
  readonly link: NodeLink
  readonly codeOf: CodeSource
  /** Paths of the datasets that a task may read, by name. */
  readonly pathsOf: (task: Pick<JobTask, 'dataset' | 'datasetUrl'>) => Readonly<Record<string, string>>
  /** Most memory of each process. Absent: unlimited. */
  readonly memoryBytes?: number | undefined
  /** Longest time of a training, and for which a process may be blocked. */
  readonly roundLimitMs: number
  /** Hears of each process of a job that ended by itself. */
  readonly onDeath?: (job: string, cause: CodedError) => void
  /** Hears of each process: those of an earlier life of the flamelet are ended at its next start. */
  readonly onProcess?: (pid: number, isRunning: boolean) => void
}

type Message =
  | OwnSiteMessage
  | { readonly type: 'code-ready'; readonly task: HostedTask; readonly code: PreparedCode }
  | { readonly type: 'code-refused'; readonly task: HostedTask; readonly cause: unknown }
  | { readonly type: 'begin'; readonly task: HostedTask }
  | { readonly type: 'joined'; readonly task: HostedTask; readonly life: Life; readonly site: ActorRef<SiteMessage> }
  | { readonly type: 'alive' | 'committed'; readonly task: HostedTask; readonly life: Life }
  | { readonly type: 'trained'; readonly task: HostedTask; readonly round: number }
  | { readonly type: 'replied'; readonly task: HostedTask; readonly reply: SiteReply }
  | { readonly type: 'process-ended'; readonly task: HostedTask; readonly life: Life; readonly how: string }
  | { readonly type: 'look' }

/** A task with its process. */
interface HostedTask {
  readonly key: string
  readonly end: string
  readonly run: string
  /** The last wish to have the task hosted. */
  host: HostMessage
  /** Absent until the code is checked. */
  code?: PreparedCode
  life?: Life
  /** Hears the process's answers to the last wish. */
  replies?: ActorRef<SiteReply>
  /** Processes that ended by themselves since the task's last round. */
  deaths: number
  /** The last round that the task has trained for: a role that keeps nothing commits none. */
  trained: number
  /** The process of the task may start, and doesn't host the task yet. */
  isAhead: boolean
  isStopping: boolean
  readonly whenStopped: (() => void)[]
}

/** One process of a task. */
interface Life {
  readonly node: string
  readonly process: TaskProcess
  /** The site in the process, once it has joined. */
  site?: ActorRef<SiteMessage>
  aliveAt: number
  isKilledOnPurpose?: true
}

/** A task is given up when its process has ended by itself this many times without a round in between. */
const mostDeaths = 3
const firstBackOffMs = 200
const lookEveryMs = 1000
/** Time for a process to start, in which it can't say that it lives. */
const startMs = 60_000
/** Longest time for fetching a job's code. */
const fetchMs = 10 * 60_000

/**
 * The actor that hosts each task in a process of its own, which is a node that is joined to the flamelet by a pipe. It
 * hands refs on: to a process those of the server, to the server those of the process. A process that ends is started
 * again, and goes on from the state that the flamelet keeps.
 */
export function processSite(parts: ProcessSiteParts): Behavior<Message> {
  const { flamelet, prefix = flamelet, reads: further = [], store, link, codeOf, pathsOf } = parts
  const { memoryBytes, roundLimitMs, onDeath = () => {}, onProcess = () => {} } = parts
  return (context) => {
    const tasks = new Map<string, HostedTask>()
    let lives = 0
    let answers = 0
    context.every(lookEveryMs, { type: 'look' })
    context.signal.addEventListener(
      'abort',
      () => {
        for (const { life } of tasks.values()) life?.process.kill()
      },
      { once: true },
    )

    return (message) => {
      switch (message.type) {
        case 'host':
        case 'prepare':
          return hostAll(message)
        case 'release':
          return release(message)
        case 'kill':
          return killOnPurpose(tasks.get(`${message.run} ${message.end}`)?.life)
        case 'code-ready':
          message.task.code = message.code
          return begin(message.task)
        case 'code-refused':
          if (!message.task.isStopping) refuse(message.task, message.cause)
          return forget(message.task)
        case 'begin':
          return begin(message.task)
        case 'joined':
          return joined(message.task, message.life, message.site)
        case 'alive':
          message.life.aliveAt = context.clock.now()
          return
        case 'committed':
          message.task.deaths = 0
          return
        case 'trained':
          return trained(message.task, message.round)
        case 'replied':
          return replied(message.task, message.reply)
        case 'process-ended':
          return processEnded(message.task, message.life, message.how)
        case 'look':
          return look()
      }
    }

    /** A later start of a run takes the place of all tasks of an earlier one. */
    function hostAll(message: HostMessage | PrepareMessage): void {
      const { run, start } = message.job
      for (const task of [...tasks.values()]) {
        const isOld = task.run === run && task.host.job.start < start && !task.isStopping
        if (isOld && !message.ends.includes(task.end)) stop(task)
      }
      const isAhead = message.type === 'prepare'
      for (const end of message.ends) host(end, { ...message, type: 'host', ends: [end] }, isAhead)
    }

    function host(end: string, message: HostMessage, isAhead: boolean): void {
      const key = `${message.job.run} ${end}`
      const known = tasks.get(key)
      if (known && !known.isStopping) {
        // The task's own state here is a later one.
        const { state: _earlier, ...told } = message
        known.host = told
        known.isAhead = isAhead
        if (known.life?.site && !isAhead) tell(known, known.life.site)
        return
      }
      const task: HostedTask = {
        key,
        end,
        run: message.job.run,
        host: message,
        deaths: 0,
        trained: 0,
        isAhead,
        isStopping: false,
        whenStopped: [],
      }
      tasks.set(key, task)
      // The earlier process of the task may still be ending.
      if (known) known.whenStopped.push(() => prepare(task))
      else prepare(task)
    }

    function prepare(task: HostedTask): void {
      void context.track(made(task)).then(
        (ready) => context.self.tell({ type: 'code-ready', task, code: ready }),
        (cause: unknown) => context.self.tell({ type: 'code-refused', task, cause }),
      )
    }

    async function made(task: HostedTask): Promise<PreparedCode> {
      const { state, ...host } = task.host
      task.host = host
      if (state) await takeRole(store, task.run, state)
      return codeOf(host.job, () => fetched(host.code))
    }

    async function fetched(code: ActorRef<CodeMessage> | undefined): Promise<Uint8Array> {
      if (!code) throw flameletError('CODE_NONE', { flamelet })
      const asked = (replyTo: ActorRef<CodeReply>): CodeMessage => ({ type: 'fetch-code', replyTo })
      const reply = await context.ask(code, asked, { timeoutMs: fetchMs, decode: decodeCodeReply })
      if (reply.type === 'no-code') throw reply.cause
      return reply.archive
    }

    function begin(task: HostedTask): void {
      const { code, end, host } = task
      if (task.isStopping) return forget(task)
      if (!code || task.life) return
      lives += 1
      const paths = pathsOf(host.job.tasks.find((each) => each.end === end) ?? {})
      const node = `${prefix}~${end}~${lives}`
      const setup: TaskSetup = {
        node,
        incarnation: 1,
        parent: flamelet,
        module: code.module.href,
        bundleFile: code.bundleFile,
        paths,
        roundLimitMs,
      }
      const own = [code.folder, code.bundleFile, ...Object.values(paths)]
      const reads = further === 'all' ? undefined : [...own, ...further]
      const started = startTaskProcess(setup, { memoryBytes, reads })
      const life: Life = { node, process: started, aliveAt: context.clock.now() + startMs }
      task.life = life
      const { pid } = started
      if (pid !== undefined) onProcess(pid, true)
      const kept = {
        store,
        run: task.run,
        end,
        onAlive: () => context.self.tell({ type: 'alive', task, life }),
        onCommitted: () => context.self.tell({ type: 'committed', task, life }),
        onTrained: (round: number) => context.self.tell({ type: 'trained', task, round }),
      }
      const options = { supervise: { type: 'resume' }, decode: decodeFromTask } as const
      const keeper = context.spawn(`keeper-${lives}`, taskKeeper(kept), options)
      link.accept(started.route, {
        node,
        mayStop: false,
        entry(peer) {
          if (isActorRef<SiteMessage>(peer.entry)) context.self.tell({ type: 'joined', task, life, site: peer.entry })
          return keeper
        },
      })
      void started.ended.then((how) => {
        if (pid !== undefined) onProcess(pid, false)
        context.stop(keeper)
        link.declareDead(node)
        context.self.tell({ type: 'process-ended', task, life, how })
      })
    }

    function joined(task: HostedTask, life: Life, site: ActorRef<SiteMessage>): void {
      life.site = site
      life.aliveAt = context.clock.now()
      if (!task.isStopping && !task.isAhead) tell(task, site)
    }

    /** Has the process host the task. Its answers come here first. */
    function tell(task: HostedTask, site: ActorRef<SiteMessage>): void {
      answers += 1
      const heard: Behavior<SiteReply> = () => (reply) => context.self.tell({ type: 'replied', task, reply })
      const replyTo = context.spawn(`answers-${answers}`, heard, { decode: decodeSiteReply })
      if (task.replies) context.stop(task.replies)
      task.replies = replyTo
      site.tell({ ...task.host, replyTo })
    }

    function replied(task: HostedTask, reply: SiteReply): void {
      if (tasks.get(task.key) !== task || task.isStopping || (reply.type !== 'hosting' && reply.type !== 'not-hosting'))
        return
      const { host, end } = task
      host.replyTo.tell({ ...reply, run: task.run, start: host.job.start, ends: [end] })
      if (reply.type === 'not-hosting') stop(task)
    }

    /** A round that is trained again after a death is no progress: its answer may be what ends the process. */
    function trained(task: HostedTask, round: number): void {
      if (round <= task.trained) return
      task.trained = round
      task.deaths = 0
    }

    function processEnded(task: HostedTask, life: Life, how: string): void {
      if (task.life !== life) return
      delete task.life
      if (task.isStopping) return forget(task)
      if (!life.isKilledOnPurpose) task.deaths += 1
      const isLast = task.deaths >= mostDeaths
      const next = isLast
        ? 'started again, the job goes on from the last committed round'
        : 'another process goes on from the last committed round'
      const times = task.deaths <= 1 ? 'once' : `${task.deaths} times`
      const cause = flameletError('FLAMELET_TASK_ENDED', { end: task.end, flamelet, times, how, next })
      onDeath(task.host.job.id, cause)
      if (isLast) {
        refuse(task, cause)
        return forget(task)
      }
      const { code, message } = cause
      task.host.reports.tell({ type: 'notice', end: task.end, notice: { code, message } })
      context.after(firstBackOffMs * 2 ** task.deaths, { type: 'begin', task })
    }

    /** Such an end of a process doesn't count towards giving the task up. */
    function killOnPurpose(life: Life | undefined): void {
      if (!life) return
      life.isKilledOnPurpose = true
      life.process.kill()
    }

    function refuse({ host, end, run }: HostedTask, cause: unknown): void {
      host.replyTo.tell({ type: 'not-hosting', run, start: host.job.start, ends: [end], cause })
    }

    function release(message: Extract<SiteMessage, { type: 'release' }>) {
      const { run, ends, forget: isForgotten = false, handOver: isHandedOver = false, replyTo } = message
      const released = [...tasks.values()].filter(
        (task) => task.run === run && (ends === undefined || ends.includes(task.end)),
      )
      void context.track(done()).then(
        () => replyTo.tell({ type: 'released', run }),
        (cause: unknown) => replyTo.tell({ type: 'released', run, cause }),
      )

      async function done(): Promise<void> {
        await Promise.all(released.map((task) => new Promise<void>((resolve) => stop(task, resolve))))
        const own = released.map(({ end }) => end)
        if (isHandedOver)
          await handOver({ store, run, ends: own }, (kept) =>
            context.ask<TakenReply, SiteReply>(replyTo, (taken) => ({ type: 'kept', run, kept, taken }), askTaken),
          )
        if (isForgotten) await Promise.all(released.filter(hasData).map(({ end }) => forgetRole(store, run, end)))
      }
    }

    /** The state of the role is in the store after each round, so that the process may end at any instant. */
    function stop(task: HostedTask, then = () => {}): void {
      task.whenStopped.push(then)
      task.isStopping = true
      if (task.life) task.life.process.kill()
      else if (task.code || tasks.get(task.key) !== task) forget(task)
    }

    function forget(task: HostedTask): void {
      if (tasks.get(task.key) === task) tasks.delete(task.key)
      if (task.replies) context.stop(task.replies)
      delete task.replies
      for (const then of task.whenStopped.splice(0)) then()
    }

    /** Ends processes that are blocked for too long. */
    function look(): void {
      const now = context.clock.now()
      for (const { life, end } of tasks.values()) {
        if (!life || now - life.aliveAt <= roundLimitMs) continue
        const { message } = flameletError('FLAMELET_TASK_SILENT', { end, flamelet, seconds: roundLimitMs / 1000 })
        life.process.kill(message)
      }
    }
  }
}

function hasData({ host: { job }, end }: HostedTask): boolean {
  return job.tasks.some((task) => task.end === end && task.dataset !== undefined)
}
