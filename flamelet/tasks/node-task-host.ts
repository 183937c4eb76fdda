import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { jobStore } from '../../actors/deployers/job-process/index.ts'
import { type ActorRef, actorSystem, isActorRef, nodeLink, unpackError } from '../../runtime/index.ts'
import { pipeRoute } from '../../runtime/link/pipe/index.ts'
import { decodeSiteMessage, inlinePool, taskSite } from '../../sdk/index.ts'
import { importWorkload } from '../../sdk/node/index.ts'
import { limitedPool } from './limited-pool.ts'
import { aliveEveryMs, decodeStoreAnswer, type FromTask, type StoreAnswer, type TaskSetup } from './task-protocol.ts'

/**
 * The program of a task's process: a node of its own, joined to the flamelet by a pipe. The flamelet keeps the state of
 * the role. The process ends with the flamelet.
 */
const [, , given = '{}', parentProcess = ''] = process.argv
const setup: TaskSetup = JSON.parse(given)
/** The pipe that the flamelet opens. */
const toFlamelet = new Socket({ fd: 3 })
toFlamelet.on('close', () => process.exit(1))
watchFlamelet()

const system = actorSystem({ name: setup.node, incarnation: setup.incarnation, onFault: ended })
let keeper: ActorRef<FromTask> | undefined
/** Resolves with the answer to the last call: calls reach the store in their order, although large ones travel apart. */
let last: Promise<unknown> = Promise.resolve()

const store = jobStore((call) => {
  const answered = last.then(async () => {
    if (!keeper) throw new Error('the flamelet has not greeted yet')
    const { value, error } = await system.ask<StoreAnswer, FromTask>(
      keeper,
      (replyTo) => ({ type: 'store', call, replyTo }),
      { timeoutMs: 2 ** 31 - 1, decode: decodeStoreAnswer },
    )
    if (error) throw unpackError(error)
    return value
  })
  last = answered.catch(() => {})
  return answered
})
// Begins before the task is to be hosted: an import takes a while. The site that asks for the workload hears a fault.
const imported = readFile(setup.bundleFile, 'utf8').then((url) => importWorkload(new URL(url)))
imported.catch(() => {})
const site = system.spawn(
  'site',
  taskSite({
    store,
    async workloadOf() {
      const workload = await imported
      return {
        workload,
        paths: setup.paths,
        // One process trains for one task: a thread more wouldn't help, and couldn't be confined.
        async poolOf({ settings, seed, datasets }) {
          return limitedPool(await inlinePool(workload, settings, seed, datasets), {
            limitMs: setup.roundLimitMs,
            onTrained: (round) => keeper?.tell({ type: 'trained', round }),
          })
        },
      }
    },
  }),
  { supervise: { type: 'escalate' }, decode: decodeSiteMessage },
)
const link = nodeLink(system, {
  entry: site,
  onPeer({ entry }) {
    if (!isActorRef<FromTask>(entry)) return ended(new Error('the flamelet gave no entry'))
    keeper = entry
    setInterval(() => entry.tell({ type: 'alive' }), aliveEveryMs)
  },
})
link.dial(setup.parent, pipeRoute(toFlamelet), { node: setup.parent, mayStop: true })

/**
 * Starts a thread that kills this process when the flamelet has ended, since the job's code may block the main thread
 * for ever. A confined process may start no thread: it ends when its code next yields, and a flamelet that starts again
 * ends the processes that are left.
 */
function watchFlamelet(): void {
  if (process.permission !== undefined) return
  new Worker(
    `setInterval(() => process.ppid === ${Number(parentProcess)} || process.kill(process.pid, 'SIGKILL'), 1000)`,
    { eval: true, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 8 } },
  ).unref()
}

function ended(cause: unknown): void {
  console.error(cause)
  process.exit(1)
}
