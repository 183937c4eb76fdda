import { type Format, jsonOf, yamlOf } from '../print/format.ts'
import { noticed, said, stopped } from './phrases.ts'
import type { Reporter, RunStart } from './reporter.ts'

/** How programs may have a run. */
export type ProgramFormat = Exclude<Format, 'table'>

/**
 * For programs: on `out` an object for each round, and a last one that says how the job was run, too; so the first is a round.
 * In JSON an object is a line, in YAML a document; as a name there is only the job's id, at the end. What is meant for people
 * goes to `err`.
 */
export function programReporter(
  format: ProgramFormat,
  out: NodeJS.WritableStream,
  err: NodeJS.WritableStream,
): Reporter {
  const told = (text: string) => void err.write(`${text}\n`)
  let start: Pick<RunStart, 'job'> & Partial<RunStart> = { job: '' }
  const object = (fields: object) => {
    if (format === 'json') out.write(`${jsonOf(fields)}\n`)
    if (format === 'yaml') out.write(`---\n${yamlOf(fields)}\n`)
  }
  return {
    started(begun) {
      start = begun
    },
    round({ round, metrics, hash, members, seconds }) {
      const { accuracy, loss } = metrics
      object({ round, accuracy, loss, hash, members, seconds, metrics, job: start.job })
    },
    notice: (end, notice) => told(noticed(end, notice)),
    log: (end, entry) => told(said(end, entry)),
    done({ rounds, metrics, hash, model }) {
      const { job, seed, settings } = start
      object({ done: true, rounds, accuracy: metrics.accuracy, hash, model, metrics, job, seed, settings })
      if (format === 'name') out.write(`${job}\n`)
    },
    stopped: (rounds, command) => told(stopped(rounds, command)),
    close: () => {},
  }
}
