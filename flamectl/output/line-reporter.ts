import { howToUse, noticed, percent, said, summary } from './phrases.ts'
import type { Reporter } from './reporter.ts'

/** A plain line for each event: for logs and pipes. */
export function lineReporter(out: NodeJS.WritableStream): Reporter {
  const line = (text: string) => void out.write(`${text}\n`)
  let rounds = 0
  return {
    started(start) {
      rounds = start.settings.rounds
      line(summary(start))
    },
    round({ round, metrics, seconds, members }) {
      line(
        `round ${round}/${rounds}  accuracy ${percent(metrics.accuracy)}  loss ${metrics.loss?.toFixed(4) ?? '-'}  ${members.length} counted  ${seconds.toFixed(2)} s`,
      )
    },
    notice: (end, notice) => line(noticed(end, notice)),
    log: (end, entry) => line(said(end, entry)),
    done: (result) => line(howToUse(result)),
    stopped: (committed, command) => line(`stopped after round ${committed}; to go on: ${command}`),
    close: () => {},
  }
}
