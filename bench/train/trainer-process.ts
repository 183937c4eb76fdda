import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { TrainCase } from './cases.ts'
import type { SliceReply } from './slices.ts'

/** A trainer in a process of its own, which waits while other trainers are measured. */
export interface TrainerProcess {
  readonly name: string
  /** Trains for about a second; answers with samples per second, or the reason why the trainer can't train the case. */
  slice(which: TrainCase): Promise<number | { readonly failed: string }>
  /** Ends the process. */
  close(): void
}

export interface TrainerCommand {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

export function startTrainer({ name, command, args, environment = {} }: TrainerCommand): TrainerProcess {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  const replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    name,
    async slice(which) {
      child.stdin.write(`${which.name}\n`)
      const { value, done } = await replies.next()
      if (done) return { failed: `the process ended (${child.exitCode ?? child.signalCode})` }
      const reply: SliceReply = JSON.parse(value)
      return 'failed' in reply ? reply : reply.samplesPerSecond
    },
    close: () => void child.stdin.end(),
  }
}
