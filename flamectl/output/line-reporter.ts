import { howToUse, noticed, roundLine, said, stopped, summary } from './phrases.ts'
import type { Reporter } from './reporter.ts'

/** A plain line for each event: for logs and pipes. */
export function lineReporter(out: NodeJS.WritableStream): Reporter {
  const line = (text: string) => void out.write(`${text}\n`)
  let rounds: number | undefined
  return {
    started(start) {
      rounds = start.settings.rounds
      line(summary(start))
    },
    round: (round) => line(roundLine(round, rounds)),
    notice: (end, notice) => line(noticed(end, notice)),
    log: (end, entry) => line(said(end, entry)),
    done: (result) => line(howToUse(result)),
    stopped: (committed, command) => line(stopped(committed, command)),
    close: () => {},
  }
}
