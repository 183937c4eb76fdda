import { parentPort, workerData } from 'node:worker_threads'
import { packError } from '../../../runtime/index.ts'
import { readFilesWith } from '../../data/files/node-file-content.ts'
import { fileReaderOver } from '../../data/files/node-shared-files.ts'
import { learnError } from '../../learn/errors.ts'
import { importWorkload } from '../../workload/load/import-workload.ts'
import { type HeldSums, heldSums } from '../held-sums.ts'
import { type LocalTrainer, localTrainer } from '../local-trainer.ts'
import type { WorkerMessage, WorkerReply, WorkerRequest, WorkerStart } from './training-messages.ts'

/** Entry of a worker thread: makes the workload's learner and data, then answers requests one at a time. */
async function serve({ bundle, settings, seed, datasets, files }: WorkerStart): Promise<void> {
  readFilesWith(fileReaderOver(files))
  const trainer = await localTrainer(await importWorkload(new URL(bundle)), settings, seed, datasets)
  const { layout, modelTopology, adapters, runsOn, jobProducts, ownSteps, abilities, modelLayers, sections, clients } =
    trainer
  const hasRoot = trainer.trainRoot !== undefined
  const held = heldSums(layout, { shared: true })
  let running = new AbortController()
  parentPort?.on('message', (message: WorkerMessage) => {
    switch (message.type) {
      case 'abort':
        return running.abort()
      case 'add':
      case 'drop':
      case 'take':
      case 'collect': {
        const reply = held.receive(message)
        return reply && send(reply)
      }
      default:
        running = new AbortController()
        answer(trainer, held, message, running.signal).then(send).catch(fail)
    }
  })
  const model = { layout, modelTopology, adapters, runsOn, jobProducts, ownSteps, abilities, modelLayers, sections }
  send({ type: 'ready', description: { ...model, clients, hasRoot } })
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
      const { training: asked, hold } = request
      const { client, ...shared } = { ...asked, signal }
      if (client === undefined) {
        if (!trainer.trainRoot) throw learnError('LEARN_ROOT')
        return { type: 'update', update: await trainer.trainRoot(shared) }
      }
      const training = { ...shared, client }
      if (hold) return { type: 'held', receipt: await held.trained((into) => trainer.train(training, into)) }
      const update = await trainer.train(training)
      // A copy, since a transferred array is lost to the learner, which may reuse its array.
      return { type: 'update', update: { ...update, delta: update.delta.slice() } }
    }
    case 'pass':
      return { type: 'passed', answer: await trainer.pass(request.request) }
    case 'ids':
      return { type: 'ids', ids: await trainer.ids(request.client) }
    case 'evaluateClient':
      return { type: 'evaluation', evaluation: await trainer.evaluateClient(request.request) }
    case 'testExamples':
      return { type: 'counted', count: await trainer.testExamples() }
    case 'samples':
      return { type: 'counted', count: await trainer.samples(request.client) }
    case 'labels':
      return { type: 'labels', labels: trainer.labels(request.clients) }
    case 'evaluate':
      return {
        type: 'evaluation',
        evaluation: await trainer.evaluateChunk(new Float32Array(request.weights), request.chunk),
      }
  }
}

function send(reply: WorkerReply): void {
  const values = movedBy(reply)
  parentPort?.postMessage(reply, values?.buffer instanceof ArrayBuffer ? [values.buffer] : [])
}

/** The array that a reply transfers out of this thread. */
function movedBy(reply: WorkerReply): Float32Array | undefined {
  if (reply.type === 'update') return reply.update.delta
  return reply.type === 'taken' && reply.delta instanceof Float32Array ? reply.delta : undefined
}

function fail(error: unknown): void {
  send({ type: 'failed', error: packError(error) })
}

const setup: WorkerStart = workerData
serve(setup).catch(fail)
