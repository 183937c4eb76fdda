import { Presets, SingleBar } from 'cli-progress'
import { howToUse, noticed, percent, said, summary } from './phrases.ts'
import type { Reporter } from './reporter.ts'

/** Columns of what stands behind the bar. */
const figuresWidth = 72

/** A progress bar on a terminal. */
export function progressReporter(out: NodeJS.WriteStream): Reporter {
  const line = (text: string) => void out.write(`${text}\n`)
  let finished = 0
  let spentSeconds = 0
  const bar = new SingleBar(
    {
      stream: out,
      hideCursor: true,
      clearOnComplete: false,
      gracefulExit: false,
      barsize: Math.max(5, Math.min(40, (out.columns ?? 80) - figuresWidth)),
      format: '{bar} round {value}/{total}  accuracy {accuracy}  loss {loss}  {rate} rounds/s  {left} left',
    },
    Presets.shades_classic,
  )
  let total = 0
  const unknown = { accuracy: '-', loss: '-', rate: '-', left: '-' }
  return {
    started(start) {
      total = start.settings.rounds
      line(summary(start))
      bar.start(total, start.resumedAfter ?? 0, unknown)
    },
    round({ round, metrics, seconds }) {
      finished += 1
      spentSeconds += seconds
      const rate = finished / spentSeconds
      bar.update(round, {
        accuracy: percent(metrics.accuracy),
        loss: metrics.loss?.toFixed(4) ?? '-',
        rate: rate.toFixed(2),
        left: `${Math.ceil((total - round) / rate)} s`,
      })
    },
    notice: (end, notice) => line(`\r\u001b[K${noticed(end, notice)}`),
    log: (end, entry) => line(`\r\u001b[K${said(end, entry)}`),
    done(result) {
      bar.stop()
      line(howToUse(result))
    },
    stopped(rounds, command) {
      bar.stop()
      line(`stopped after round ${rounds}; to go on: ${command}`)
    },
    close: () => bar.stop(),
  }
}
