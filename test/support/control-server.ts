import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('api-process.js', import.meta.url))

/** A control plane in a process of its own; disposal kills it. */
export interface ControlServer extends AsyncDisposable {
  /** Resolves when the server listens; undefined if it was killed before. */
  readonly url: Promise<string | undefined>
  /** Kills the server by SIGKILL, and resolves when it has ended. */
  kill(): Promise<void>
}

/**
 * Starts a server on a store (a folder, or the URL of a database). It runs jobs itself, and stores their models in
 * `folder`.
 */
export function controlServer(store: string, folder: string): ControlServer {
  const child: ChildProcess = spawn(process.execPath, [program, store, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  const listening = once(child.stdout ?? child, 'data').then(([line]) => String(line).trim())
  return { url: Promise.race([listening, exited.then(() => undefined)]), kill, [Symbol.asyncDispose]: kill }
}
