import { noticed, said } from './phrases.ts'
import type { Reporter } from './reporter.ts'

/** One JSON object a line on `out`; what is meant for people goes to `err`. */
export function jsonReporter(out: NodeJS.WritableStream, err: NodeJS.WritableStream): Reporter {
  const line = (fields: object) => void out.write(`${JSON.stringify(fields)}\n`)
  return {
    started: () => {},
    round: ({ round, metrics, hash, members, seconds }) =>
      line({ round, accuracy: metrics.accuracy, loss: metrics.loss, hash, members, seconds }),
    notice: (end, notice) => void err.write(`${noticed(end, notice)}\n`),
    log: (end, entry) => void err.write(`${said(end, entry)}\n`),
    done: ({ rounds, accuracy, hash, model }) => line({ done: true, rounds, accuracy, hash, model }),
    stopped: (rounds, command) => void err.write(`stopped after round ${rounds}; to go on: ${command}\n`),
    close: () => {},
  }
}
