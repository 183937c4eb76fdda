import { noticed, said, stopped } from './phrases.ts'
import type { Reporter, RunStart } from './reporter.ts'

/**
 * One JSON object a line on `out`; what is meant for people goes to `err`. A line is a round, but for the last one, which
 * says how the job was run, too: so the first line is a round.
 */
export function jsonReporter(out: NodeJS.WritableStream, err: NodeJS.WritableStream): Reporter {
  const line = (fields: object) => void out.write(`${JSON.stringify(fields)}\n`)
  let start: Pick<RunStart, 'job'> & Partial<RunStart> = { job: '' }
  return {
    started(begun) {
      start = begun
    },
    round({ round, metrics, hash, members, seconds }) {
      const { accuracy, loss } = metrics
      line({ round, accuracy, loss, hash, members, seconds, metrics, job: start.job })
    },
    notice: (end, notice) => void err.write(`${noticed(end, notice)}\n`),
    log: (end, entry) => void err.write(`${said(end, entry)}\n`),
    done({ rounds, metrics, hash, model }) {
      const { job, seed, settings } = start
      line({ done: true, rounds, accuracy: metrics.accuracy, hash, model, metrics, job, seed, settings })
    },
    stopped: (rounds, command) => void err.write(`${stopped(rounds, command)}\n`),
    close: () => {},
  }
}
