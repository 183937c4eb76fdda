import type { NumberedEvent } from '../../actors/index.ts'
import type { Printer } from '../print/printer.ts'
import { eventLine } from './event-line.ts'
import { fittedTable } from './fitted-table.ts'
import type { JobRow } from './job-row.ts'

/** Shows how jobs come on. */
export interface WatchView extends AsyncDisposable {
  changed(rows: readonly JobRow[], row: JobRow, event?: NumberedEvent): void
}

/** A terminal is redrawn at most so often. */
const redrawEveryMs = 100

/** On a terminal a table that is redrawn; else, or if a program's format was asked for, a line for each event. */
export async function watchView(print: Printer, out: NodeJS.WriteStream): Promise<WatchView> {
  if (!out.isTTY || print.isForPrograms) return lines(print)
  const { createLogUpdate } = await import('log-update')
  return drawn(createLogUpdate(out, { showCursor: true }), out)
}

function lines(print: Printer): WatchView {
  return {
    changed(_rows, { id }, event) {
      if (event) print.event(`${id} ${eventLine(event)}`, { job: id, ...event })
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

function drawn(draw: (text: string) => void, out: NodeJS.WriteStream): WatchView {
  let rows: readonly JobRow[] = []
  let timer: NodeJS.Timeout | undefined
  const redraw = () => {
    timer = undefined
    draw(fittedTable(rows, out))
  }
  const redrawSoon = () => {
    timer ??= setTimeout(redraw, redrawEveryMs)
  }
  redrawSoon()
  return {
    changed(now) {
      rows = now
      redrawSoon()
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      redraw()
    },
  }
}
