import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { GivenDatasets } from '../../data/datasets.ts'
import { sharedFiles } from '../../data/files/node-shared-files.ts'
import { learnError } from '../../learn/errors.ts'
import { chunkCount } from '../../learn/evaluation.ts'
import { mergeEvaluations } from '../../learn/merged-evaluation.ts'
import type { Settings } from '../../role/role.ts'
import type { LoadedWorkload } from '../../workload/load/load-workload.ts'
import { workloadBundle } from '../../workload/load/workload-bundle.ts'
import { heldUpdate, holdingHere } from '../held-sums.ts'
import { inlinePool } from '../inline-pool.ts'
import type { RootTrainingRequest, TrainingPool } from '../training-pool.ts'
import { shared, sharedArrays, sharedTraining, type WorkerReply, type WorkerRequest } from './training-messages.ts'
import { type TrainingSlot, trainingSlot } from './training-thread.ts'

export interface WorkerPoolSettings {
  /** The workload's file, or its bundle. Each worker imports the bundle, and makes learner and data itself. */
  readonly module: URL
  readonly settings: Settings
  readonly seed: number
  /** Number of worker threads, 1 or more. */
  readonly workers: number
  readonly datasets?: GivenDatasets | undefined
}

type ThreadReply = Awaited<ReturnType<TrainingSlot['ask']>>

interface Job {
  readonly request: WorkerRequest
  readonly signal: AbortSignal | undefined
  resolve(answer: ThreadReply): void
  reject(error: unknown): void
}

/**
 * A pool of worker threads, which take requests in order as they become free. A thread that ends fails its request with
 * LEARN_WORKER_DIED and is started again.
 *
 * @throws LEARN_SETTING, and the errors of the workload while it makes learner and data.
 */
export async function workerPool({
  module,
  settings,
  seed,
  workers,
  datasets,
}: WorkerPoolSettings): Promise<TrainingPool> {
  if (!Number.isInteger(workers) || workers < 1) {
    throw learnError('LEARN_SETTING', { name: 'workers', expected: 'an integer from 1', value: workers })
  }
  const bundle = module.protocol === 'file:' ? await workloadBundle(fileURLToPath(module)) : module
  const setup = { bundle: bundle.href, settings, seed, datasets }
  const files = sharedFiles()
  const [first, ...others] = await all(Array.from({ length: workers }, () => trainingSlot(setup, files)))
  if (!first) throw learnError('LEARN_CLOSED')
  const { hasRoot, ...facts } = first.description

  const slots = [first, ...others]
  const free = [...slots]
  const waiting = new Set<Job>()
  const running = new Set<Job>()
  const share = sharedArrays()
  let testSet: Promise<number> | undefined
  let closed = false

  const dispatch = () => {
    for (const job of waiting) {
      const slot = free.shift()
      if (!slot) return
      waiting.delete(job)
      running.add(job)
      const release = () => {
        running.delete(job)
        free.push(slot)
        dispatch()
      }
      slot.ask(job.request, job.signal).then(job.resolve, job.reject).finally(release)
    }
  }
  const ask = (request: WorkerRequest, signal?: AbortSignal) =>
    new Promise<ThreadReply>((resolve, reject) => {
      if (closed) throw learnError('LEARN_CLOSED')
      signal?.throwIfAborted()
      const abort = () => {
        waiting.delete(job)
        job.reject(signal?.reason)
      }
      const settled = <Outcome>(settle: (outcome: Outcome) => void) => {
        return (outcome: Outcome) => {
          // A trainer's signal outlives its requests.
          signal?.removeEventListener('abort', abort)
          settle(outcome)
        }
      }
      const job: Job = { request, signal, resolve: settled(resolve), reject: settled(reject) }
      signal?.addEventListener('abort', abort)
      waiting.add(job)
      dispatch()
    })

  const trainingOf = (request: RootTrainingRequest & { readonly client?: number }, hold: boolean): WorkerRequest => ({
    type: 'train',
    training: sharedTraining(request, (values) => share.forRound(values, request.round)),
    hold,
  })

  const train = async (request: RootTrainingRequest & { readonly client?: number }) => {
    const { reply } = await ask(trainingOf(request, false), request.signal)
    if (reply.type !== 'update') throw unexpected(reply)
    return reply.update
  }

  const count = async (request: WorkerRequest) => {
    const { reply } = await ask(request)
    if (reply.type === 'counted') return reply.count
    throw unexpected(reply)
  }

  return {
    ...facts,
    async initialWeights() {
      const { reply } = await ask({ type: 'initialWeights' })
      if (reply.type !== 'weights') throw unexpected(reply)
      return reply.weights
    },
    train,
    ...(hasRoot && { trainRoot: train }),
    async trainHeld(request) {
      const { reply, thread } = await ask(trainingOf(request, true), request.signal)
      if (reply.type !== 'held') throw unexpected(reply)
      return heldUpdate(thread, reply.receipt)
    },
    async evaluate(weights) {
      const shared = share.once(weights)
      testSet ??= count({ type: 'testExamples' }).catch((cause: unknown) => {
        testSet = undefined
        throw cause
      })
      const chunks = Array.from({ length: chunkCount(await testSet) }, async (_, chunk) => {
        const { reply } = await ask({ type: 'evaluate', chunk, weights: shared })
        if (reply.type !== 'evaluation') throw unexpected(reply)
        return reply.evaluation
      })
      return mergeEvaluations(await Promise.all(chunks))
    },
    async evaluateClient(asked) {
      const { weights, round } = asked
      const copied = (values: Float32Array) =>
        round === undefined ? share.once(values) : share.forRound(values, round)
      const { reply } = await ask({ type: 'evaluateClient', request: { ...asked, weights: shared(weights, copied) } })
      if (reply.type !== 'evaluation') throw unexpected(reply)
      return reply.evaluation
    },
    async pass(request) {
      const weights = shared(request.weights, (values) => share.forRound(values, request.round))
      const { reply } = await ask({ type: 'pass', request: { ...request, weights } })
      if (reply.type !== 'passed') throw unexpected(reply)
      return reply.answer
    },
    async ids(client) {
      const { reply } = await ask({ type: 'ids', client })
      if (reply.type !== 'ids') throw unexpected(reply)
      return reply.ids
    },
    samples: (client) => count({ type: 'samples', client }),
    async labels(clients) {
      const { reply } = await ask({ type: 'labels', clients })
      if (reply.type !== 'labels') throw unexpected(reply)
      return reply.labels
    },
    async close() {
      closed = true
      for (const job of [...waiting, ...running]) job.reject(learnError('LEARN_CLOSED'))
      waiting.clear()
      await Promise.all(slots.map((slot) => slot.close()))
    },
  }
}

/** Waits for all slots. If one fails to start, closes the others and throws. */
async function all(starting: readonly Promise<TrainingSlot>[]): Promise<TrainingSlot[]> {
  try {
    return await Promise.all(starting)
  } catch (error) {
    const started = await Promise.allSettled(starting)
    await Promise.all(started.map((result) => (result.status === 'fulfilled' ? result.value.close() : undefined)))
    throw error
  }
}

function unexpected({ type }: WorkerReply): Error {
  return learnError('LEARN_WORKER_DIED', { request: 'a request', reason: `it answered ${type}` })
}

/** Everything from which a job's training pool is made. */
export interface TrainingPlan extends LoadedWorkload {
  readonly seed: number
  readonly settings: Settings
  /** Number of threads that train. 0: training runs in this thread. */
  readonly workers: number
  /** Data that this process may read for the job. */
  readonly datasets?: GivenDatasets | undefined
}

/** Default number of threads that train: one for each core, at most 8. */
export function defaultWorkers(): number {
  return Math.min(8, availableParallelism())
}

/** Starts the training pool of a job. Rejects with the workload's errors. */
export function poolFor({ workload, bundle, ...plan }: TrainingPlan): Promise<TrainingPool> {
  const { settings, seed, workers, datasets } = plan
  if (workers === 0) return inlinePool(workload, settings, seed, datasets, holdingHere)
  return workerPool({ module: bundle, settings, seed, workers, datasets })
}
