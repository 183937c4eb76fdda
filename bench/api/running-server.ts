import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('server-process.js', import.meta.url))

/** A server in a process of its own. */
export interface BenchServer extends AsyncDisposable {
  readonly url: string
  /** Resident bytes after a garbage collection. */
  memoryBytes(): Promise<number>
}

export async function benchServer(location: string): Promise<BenchServer> {
  const child = fork(program, [location], { execArgv: ['--expose-gc'] })
  const { url }: { url: string } = await heard(child)
  return {
    url,
    async memoryBytes() {
      child.send('memory')
      const { bytes }: { bytes: number } = await heard(child)
      return bytes
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function heard(child: ChildProcess) {
  const [message] = await once(child, 'message')
  return message
}
