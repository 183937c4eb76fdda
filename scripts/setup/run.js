import { spawnSync } from 'node:child_process'
import { SetupError } from './errors.js'

/** Runs a command to its end. Answers with the output, or with the reason of the failure. */
export function attempt(command, args, options = {}) {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  })
  if (error) return { reason: error.message }
  if (status !== 0) return { reason: excerpt(stderr || stdout) || `exit status ${status}` }
  return { output: stdout.trim() }
}

/** Like `attempt`, but a failure is thrown as this error, with the reason added to its values. */
export function must(command, args, code, values, options) {
  const { output, reason } = attempt(command, args, options)
  if (output === undefined) throw new SetupError(code, { command, ...values, reason })
  return output
}

/** Prints a line on standard error when work begins, and its duration when it ends. */
export function step(title, work) {
  process.stderr.write(`${title} … `)
  const began = performance.now()
  const result = work()
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1)} s\n`)
  return result
}

/** Runs a set-up to its end. A known error prints its message and hint instead of a stack. */
export function main(work) {
  try {
    work()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    process.stderr.write(`\n${error.code}: ${error.message}\n  ${error.hint}\n`)
    process.exitCode = 1
  }
}

/** The first and the last lines of an output: some programs name the error first, others last. */
function excerpt(text) {
  const lines = text.trim().split('\n')
  return (lines.length <= 8 ? lines : [...lines.slice(0, 4), '…', ...lines.slice(-4)]).join('\n')
}
