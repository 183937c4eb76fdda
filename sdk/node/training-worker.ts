import { parentPort, workerData } from 'node:worker_threads'
import { readFilesWith } from '../data/files/node-whole-file.ts'
import { type LocalTrainer, localTrainer } from '../learn/local-trainer.ts'
import { packError } from './error-transfer.ts'
import { importWorkload } from './load-workload.ts'
import { fileReaderOver } from './shared-files.ts'
import type { WorkerMessage, WorkerReply, WorkerRequest, WorkerStart } from './training-messages.ts'

/** Entry of a worker thread: makes the workload's learner and data, then answers requests one at a time. */
async function serve({ module, settings, seed, files }: WorkerStart): Promise<void> {
  readFilesWith(fileReaderOver(files))
  const trainer = await localTrainer(await importWorkload(new URL(module)), settings, seed)
  const { layout, modelTopology, runsOn, clients, testExamples } = trainer
  let running = new AbortController()
  parentPort?.on('message', (message: WorkerMessage) => {
    if (message.type === 'abort') return running.abort()
    running = new AbortController()
    answer(trainer, message, running.signal).then(send).catch(fail)
  })
  send({ type: 'ready', description: { layout, modelTopology, runsOn, clients, testExamples } })
}

async function answer(trainer: LocalTrainer, request: WorkerRequest, signal: AbortSignal): Promise<WorkerReply> {
  switch (request.type) {
    case 'initialWeights':
      return { type: 'weights', weights: await trainer.initialWeights() }
    case 'train': {
      const { client, end, round, terms } = request
      const weights = new Float32Array(request.weights)
      const update = await trainer.train({ client, end, round, weights, terms, signal })
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
