import { Presets, SingleBar } from 'cli-progress'
import { figures, metricNames, noticed, said } from './phrases.ts'
import { printable } from './printable.ts'
import { howToUse, type Reporter, stopped, summary } from './reporter.ts'

/** Columns of the text behind the bar: with the usual metrics, and without metrics. */
const textWidth = 72
const frameWidth = 44

/** A progress bar on a terminal. The terminal is restored however the process ends. */
export function progressReporter(out: NodeJS.WriteStream): Reporter {
  const line = (text: string) => void out.write(`${text}\n`)
  const above = (text: string) => line(`\r\u001b[K${text}`)
  let finished = 0
  let spentSeconds = 0
  // The size of a terminal is 0 until it is set.
  const columns = out.columns || 80
  const barsize = Math.max(5, Math.min(40, columns - textWidth))
  const bar = new SingleBar(
    {
      stream: out,
      hideCursor: true,
      clearOnComplete: false,
      gracefulExit: false,
      barsize,
      format: '{bar} round {value}/{total}{figures}  {rate} rounds/s  {left} left',
    },
    Presets.shades_classic,
  )
  let total = 0
  /** The last round of each part; the bar shows the lowest. */
  const rounds = new Map<string | undefined, number>()
  const stop = () => {
    process.off('exit', stop)
    bar.stop()
  }
  return {
    started(start) {
      total = start.settings.rounds
      line(summary(start))
      process.on('exit', stop)
      bar.start(total, start.resumedAfter ?? 0, { figures: '', rate: '-', left: '-' })
    },
    round({ round, part, metrics, seconds }) {
      finished += 1
      rounds.set(part, round)
      const lowest = Math.min(...rounds.values())
      spentSeconds += seconds
      const rate = finished / spentSeconds
      const found = fitting(metrics, columns - barsize - frameWidth)
      const whose = part === undefined ? '' : `${printable(part)}: `
      bar.update(lowest, {
        figures: found === '' ? '' : `  ${whose}${found}`,
        rate: rate.toFixed(2),
        left: `${Math.ceil((total - lowest) / rate)} s`,
      })
    },
    notice: (end, notice) => above(noticed(end, notice)),
    log: (end, entry) => above(said(end, entry)),
    done(result) {
      stop()
      line(howToUse(result))
    },
    stopped(rounds, command) {
      stop()
      line(stopped(rounds, command))
    },
    close: stop,
  }
}

/** The first metrics that fit into the width, and at least one. */
function fitting(metrics: Readonly<Record<string, number>>, width: number): string {
  const names = metricNames(Object.keys(metrics))
  while (names.length > 1 && figures(metrics, names).length > width) names.pop()
  return figures(metrics, names)
}
