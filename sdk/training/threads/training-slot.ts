import type { SharedFiles } from '../../data/files/node-shared-files.ts'
import type { HoldingThread } from './thread-delta.ts'
import type { WorkerDescription, WorkerReply, WorkerRequest, WorkerSetup } from './training-messages.ts'
import { startTrainingThread, type TrainingThread } from './training-thread.ts'

/** A place for one training thread at a time: one that has ended is started again. */
export interface TrainingSlot {
  readonly description: WorkerDescription
  /** One at a time. Answers with the thread, too: what it keeps is only there. */
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
    // Whoever asks next hears of it.
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
