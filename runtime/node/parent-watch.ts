import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/**
 * Starts a thread that kills this process when its parent has ended, since code may block the main thread for ever. A
 * process without the right to start threads can't be watched so: it ends when its code next yields.
 */
export async function endWithParent(parent: number): Promise<void> {
  if (process.permission !== undefined) return
  const watch = new Worker(
    `setInterval(() => process.ppid === ${Number(parent)} || process.kill(process.pid, 'SIGKILL'), 1000)`,
    { eval: true, execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 8 } },
  )
  watch.unref()
  await once(watch, 'online')
}
