import { parentPort, workerData } from 'node:worker_threads'
import { packError } from '../../../runtime/index.ts'
import { fileReaderOver } from '../../data/files/node-shared-files.ts'
import { readFilesWith } from '../../data/files/node-whole-file.ts'
import type { PartialSum } from '../../strategy/sum/accumulator.ts'
import { importWorkload } from '../../workload/load/import-workload.ts'
import { type LocalTrainer, localTrainer } from '../local-trainer.ts'
import { type HeldMessage, type HeldSums, heldSums } from './held-sums.ts'
import type { WorkerMessage, WorkerReply, WorkerRequest, WorkerStart } from './training-messages.ts'

/** Entry of a worker thread: makes the workload's learner and data, then answers requests one at a time. */
async function serve({ bundle, settings, seed, files }: WorkerStart): Promise<void> {
  readFilesWith(fileReaderOver(files))
  const trainer = await localTrainer(await importWorkload(new URL(bundle)), settings, seed)
  const { layout, modelTopology, runsOn, clients, testExamples } = trainer
  const held = heldSums(layout)
  const keeper = sumKeeper(held)
  let running = new AbortController()
  parentPort?.on('message', (message: WorkerMessage) => {
    switch (message.type) {
      case 'abort':
        return running.abort()
      case 'add':
      case 'drop':
      case 'collect':
        return keeper(message)
      default:
        running = new AbortController()
        answer(trainer, held, message, running.signal).then(send).catch(fail)
    }
  })
  send({ type: 'ready', description: { layout, modelTopology, runsOn, clients, testExamples } })
}

/** Does what is asked of held deltas. A fault is told when the sum is collected: what was added to it is lost. */
function sumKeeper(held: HeldSums): (message: HeldMessage) => void {
  let fault: unknown
  return (message) => {
    let part: PartialSum | undefined
    try {
      part = held.receive(message)
    } catch (error) {
      fault ??= error
    }
    if (message.type !== 'collect') return
    if (part && fault === undefined) send({ type: 'collected', sum: message.sum, part })
    else send({ type: 'collected', sum: message.sum, part: packError(fault) })
    fault = undefined
  }
}

async function answer(
  trainer: LocalTrainer,
  held: HeldSums,
  request: WorkerRequest,
  signal: AbortSignal,
): Promise<WorkerReply> {
  switch (request.type) {
    case 'initialWeights':
      return { type: 'weights', weights: await trainer.initialWeights() }
    case 'train': {
      const { client, end, round, terms, hold } = request
      const weights = new Float32Array(request.weights)
      const training = { client, end, round, weights, terms, signal }
      if (hold) {
        let room: Float32Array | undefined
        // Only once it's needed: what was held before may have been added meanwhile, and its room be free again.
        const roomOf = () => {
          room ??= held.room()
          return room
        }
        const update = await trainer.train(training, roomOf)
        return { type: 'held', receipt: held.keep(update, roomOf()) }
      }
      const update = await trainer.train(training)
      // A copy, since what is transferred is lost to the learner, who may give the same array again.
      return { type: 'update', update: { ...update, delta: update.delta.slice() } }
    }
    case 'evaluate':
      return {
        type: 'evaluation',
        evaluation: await trainer.evaluateChunk(new Float32Array(request.weights), request.chunk),
      }
  }
}

function send(reply: WorkerReply): void {
  const buffer = reply.type === 'update' ? reply.update.delta.buffer : undefined
  parentPort?.postMessage(reply, buffer instanceof ArrayBuffer ? [buffer] : [])
}

function fail(error: unknown): void {
  send({ type: 'failed', error: packError(error) })
}

const setup: WorkerStart = workerData
serve(setup).catch(fail)
