import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

type Answers = Readonly<Record<string, (argument: number) => Promise<number>>>

/** Answers the calls of the process that has forked this one. */
export function answering(answers: Answers): void {
  process.on('message', (call: { name: string; argument: number }) => {
    void answers[call.name]?.(call.argument).then((answer) => process.send?.({ answer }))
  })
}

/** A program in a process of its own. */
export interface Child extends AsyncDisposable {
  /** The number that the program has reported when it was ready. */
  readonly ready: number
  /** Calls the program, one call at a time. */
  call(name: string, argument?: number): Promise<number>
}

export async function startChild(program: string, args: readonly (string | number)[] = []): Promise<Child> {
  const path = fileURLToPath(new URL(`${program}.js`, import.meta.url))
  const child = fork(path, args.map(String), { execArgv: ['--expose-gc'] })
  const heard = async (of: ChildProcess): Promise<Readonly<Record<string, number>>> => {
    const [message] = await once(of, 'message')
    return message
  }
  const { ready = Number.NaN } = await heard(child)
  return {
    ready,
    async call(name, argument = 0) {
      child.send({ name, argument })
      const { answer = Number.NaN } = await heard(child)
      return answer
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
