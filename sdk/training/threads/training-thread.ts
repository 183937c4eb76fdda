import { Worker } from 'node:worker_threads'
import { unpackError } from '../../../runtime/index.ts'
import type { SharedFiles } from '../../data/files/node-shared-files.ts'
import { learnError } from '../../learn/errors.ts'
import type { PartialSum } from '../../sum/accumulator.ts'
import type { HeldMessage, HeldReply, HoldingThread } from '../held-sums.ts'
import type { WorkerDescription, WorkerReply, WorkerRequest, WorkerSetup, WorkerStart } from './training-messages.ts'

/** A worker leaves little garbage at a time. A larger young generation would only fill up before it's collected. */
const maxYoungGenerationSizeMb = 4

/** A worker thread whose learner and data are made. */
export interface TrainingThread extends HoldingThread {
  readonly description: WorkerDescription
  /** Whether the thread has ended. Each request then rejects. */
  hasEnded(): boolean
  /**
   * Sends a request; one at a time. Rejects with the learner's error, or with LEARN_WORKER_DIED when the thread ends
   * before it answers.
   */
  ask(request: WorkerRequest, signal?: AbortSignal): Promise<WorkerReply>
  terminate(): Promise<void>
}

interface Waiting {
  readonly request: string
  resolve(reply: WorkerReply): void
  reject(error: unknown): void
}

/** A pending request for a vector, or for a part of a sum, that the thread keeps. */
interface Receiving {
  readonly what: string
  resolve(values: Float32Array | PartialSum): void
  reject(error: unknown): void
}

type HeldRequest = Extract<HeldMessage, { type: 'take' | 'collect' }>

/** The key that pairs a reply with its request. */
function keyOf(of: HeldRequest | HeldReply): string {
  return 'id' in of ? `vector ${of.id}` : `sum ${of.sum.number} ${of.sum.name}`
}

/** @throws LEARN_WORKER_DIED, and the errors of the workload while it makes learner and data. */
export async function startTrainingThread(setup: WorkerSetup, files: SharedFiles): Promise<TrainingThread> {
  const line = files.line()
  const start: WorkerStart = { ...setup, files: line }
  const worker = new Worker(new URL('./training-worker.js', import.meta.url), {
    workerData: start,
    transferList: [line.port],
    resourceLimits: { maxYoungGenerationSizeMb },
    ...(isText() && { execArgv: [] }),
  })
  let waiting: Waiting | undefined
  let fault: unknown
  let ended = false

  const died = (request: string, reason: string) =>
    learnError('LEARN_WORKER_DIED', { request, reason }, fault === undefined ? undefined : { cause: fault })
  const settle = (use: (waiting: Waiting) => void) => {
    const current = waiting
    waiting = undefined
    if (current) use(current)
  }
  const expectReply = (request: string) =>
    new Promise<WorkerReply>((resolve, reject) => {
      if (ended) reject(died(request, 'it had ended before'))
      else waiting = { request, resolve, reject }
    })

  const receiving = new Map<string, Receiving>()
  const received = (reply: HeldReply) => {
    const key = keyOf(reply)
    const one = receiving.get(key)
    receiving.delete(key)
    const values = reply.type === 'taken' ? reply.delta : reply.part
    if (values instanceof Float32Array || 'sum' in values) one?.resolve(values)
    else one?.reject(died(one.what, values.message))
  }
  const receive = (what: string, request: HeldRequest) =>
    new Promise<Float32Array | PartialSum>((resolve, reject) => {
      if (ended) return reject(died(what, 'it had ended before'))
      receiving.set(keyOf(request), { what, resolve, reject })
      worker.postMessage(request, [])
    })
  worker.on('message', (reply: WorkerReply) => {
    if (reply.type === 'collected' || reply.type === 'taken') return received(reply)
    settle(({ resolve }) => resolve(reply))
  })
  worker.on('error', (error) => {
    fault = error
  })
  worker.on('exit', (code) => {
    ended = true
    const reason = fault instanceof Error ? fault.message : `exit code ${code}`
    settle(({ request, reject }) => reject(died(request, reason)))
    for (const { what, reject } of receiving.values()) reject(died(what, reason))
    receiving.clear()
  })

  const ready = await expectReply('its start')
  if (ready.type !== 'ready') {
    await worker.terminate()
    throw ready.type === 'failed' ? unpackError(ready.error) : died('its start', `it answered ${ready.type}`)
  }
  return {
    description: ready.description,
    hasEnded: () => ended,
    async ask(request, signal) {
      const abort = () => worker.postMessage({ type: 'abort' }, [])
      const reply = expectReply(nameOf(request))
      if (!ended) worker.postMessage(request, [])
      signal?.addEventListener('abort', abort, { once: true })
      try {
        return unlessFailed(await reply)
      } finally {
        signal?.removeEventListener('abort', abort)
      }
    },
    tell(message) {
      if (!ended) worker.postMessage(message, [])
    },
    async collect(sum) {
      const part = await receive('a sum', { type: 'collect', sum })
      if ('sum' in part) return part
      throw died('a sum', 'it answered a vector')
    },
    async take(id) {
      const delta = await receive('a delta', { type: 'take', id })
      if (delta instanceof Float32Array) return delta
      throw died('a delta', 'it answered a sum')
    },
    terminate: async () => void (await worker.terminate()),
  }
}

function unlessFailed(reply: WorkerReply): WorkerReply {
  if (reply.type === 'failed') throw unpackError(reply.error)
  return reply
}

function nameOf(request: WorkerRequest): string {
  switch (request.type) {
    case 'initialWeights':
      return 'the initial weights'
    case 'train':
      return `${request.training.client === undefined ? 'the root set' : `client ${request.training.client}`} in round ${request.training.round}`
    case 'pass':
      return `a pass of ${request.request.end} in round ${request.request.round}`
    case 'ids':
      return `the ids of client ${request.client}`
    case 'evaluateClient':
      return `the evaluation of client ${request.request.client}`
    case 'samples':
      return `the number of examples of client ${request.client}`
    case 'labels':
      return 'the labels of the clients'
    case 'testExamples':
      return 'the size of the test set'
    case 'evaluate':
      return `chunk ${request.chunk} of the evaluation`
  }
}

/** Runs one training thread at a time, and starts a new one when the thread ends. */
export interface TrainingSlot {
  readonly description: WorkerDescription
  /**
   * Sends a request; one at a time. Resolves with the thread, too, since only this thread has the vectors that it
   * keeps.
   */
  ask(
    request: WorkerRequest,
    signal?: AbortSignal,
  ): Promise<{ readonly reply: WorkerReply; readonly thread: HoldingThread }>
  close(): Promise<void>
}

export async function trainingSlot(setup: WorkerSetup, files: SharedFiles): Promise<TrainingSlot> {
  const { description, ...first }: TrainingThread = await startTrainingThread(setup, files)
  let thread: Promise<Omit<TrainingThread, 'description'>> = Promise.resolve(first)
  let closed = false
  const startAgain = () => {
    thread = startTrainingThread(setup, files)
    // The next request reports the fault.
    thread.catch(() => {})
    return thread
  }
  const living = async () => {
    const current = await thread.catch(() => undefined)
    return !current || current.hasEnded() ? startAgain() : current
  }
  return {
    description,
    async ask(request, signal) {
      const current = await living()
      try {
        return { reply: await current.ask(request, signal), thread: current }
      } finally {
        if (current.hasEnded() && !closed) startAgain()
      }
    },
    async close() {
      closed = true
      await thread.then(
        (current) => current.terminate(),
        () => {},
      )
    },
  }
}

/** The program was given as text, with --input-type: Node refuses that option to a thread, which has this process's otherwise. */
function isText(): boolean {
  return process.execArgv.some((option) => option.startsWith('--input-type'))
}
