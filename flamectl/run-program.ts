import { type Command, CommanderError } from 'commander'
import { CodedError, fileReason } from '../runtime/errors/index.ts'
import { flamectlError } from './errors.ts'
import { causeCodes, exitStatus, exitStatusOf, hintOf } from './exit.ts'
import { indentedLines } from './output/printable.ts'

/** Runs a program with this process's arguments. Errors are told on standard error, and by the exit status. */
export async function runProgram(program: Command): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // The reader of the output has gone, as with `flamectl … | head`.
      if (error.code === 'EPIPE') process.exit(exitStatus.unread)
      if (stream === process.stdout) {
        const reason = fileReason(error)
        report(flamectlError('FILE_UNWRITABLE', { file: 'standard output', reason }, { cause: error }))
      }
      process.exit(exitStatus.failed)
    })
  }

  // An empty variable counts as unset.
  for (const [name, value] of Object.entries(process.env))
    if (value === '' && name.startsWith('FLAME_')) delete process.env[name]

  let isOver = false
  process.once('exit', () => {
    const { exitCode = exitStatus.done } = process
    if (isOver || !isSilent(exitCode)) return
    const reason =
      exitCode === exitStatus.done ? 'code called process.exit' : 'nothing was left that could settle what it waits for'
    process.exitCode = report(flamectlError('UNFINISHED', { reason }))
  })
  try {
    await program.parseAsync(process.argv.slice(2), { from: 'user' })
  } catch (error) {
    process.exitCode = report(error)
  } finally {
    isOver = true
  }
}

/** Whether a process that ends with this status in the middle of a command has told nobody why. */
function isSilent(status: number | string | null | undefined): boolean {
  return status === exitStatus.done || status === exitStatus.unfinished
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.done : exitStatus.misused
  if (!(error instanceof CodedError)) return report(flamectlError('UNEXPECTED', { error }, { cause: error }))
  console.error(indentedLines(`error ${error.code}: ${error.message}\n${hintOf(error)}`))
  if (causeCodes.includes(error.code) && error.cause instanceof Error) console.error(placesOf(error.cause))
  return exitStatusOf(error)
}

/** The stack of an error of the user's own code, without frames of Node and of libraries. */
function placesOf({ stack = '' }: Error): string {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line) && !/node:|node_modules/.test(line))
  return frames.map((frame) => `  ${frame.trim()}`).join('\n')
}
