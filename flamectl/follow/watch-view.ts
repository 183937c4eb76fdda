import type { NumberedEvent } from '../../actors/index.ts'
import type { CommandContext } from '../context.ts'
import { indentedLines } from '../print/printable.ts'
import { eventLine } from './event-line.ts'
import { fittedTable } from './fitted-table.ts'
import type { JobRow } from './job-row.ts'

/** Shows how jobs come on. */
export interface WatchView extends AsyncDisposable {
  changed(rows: readonly JobRow[], row: JobRow, event?: NumberedEvent): void
  /** Says what is being waited for, or how it is with the server, once until that changes. Empty: nothing to say any more. */
  tell(text: string): void
}

/** A terminal is redrawn at most so often. */
const redrawEveryMs = 100

/** On a terminal a table that is redrawn; else, or if a program's format was asked for, a line for each event. */
export async function watchView(
  { print, warn }: Pick<CommandContext, 'print' | 'warn'>,
  out: NodeJS.WriteStream,
): Promise<WatchView> {
  if (!out.isTTY || print.isForPrograms) return lines(print, warn)
  const { createLogUpdate } = await import('log-update')
  return drawn(createLogUpdate(out, { showCursor: true }), out)
}

function lines(print: CommandContext['print'], warn: CommandContext['warn']): WatchView {
  let told = ''
  return {
    changed(_rows, { id }, event) {
      if (event) print.event(`${id} ${eventLine(event)}`, { job: id, ...event })
    },
    tell(text) {
      if (text !== told && text !== '') warn(text)
      told = text
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

function drawn(draw: (text: string) => void, out: NodeJS.WriteStream): WatchView {
  let rows: readonly JobRow[] = []
  let told = ''
  let timer: NodeJS.Timeout | undefined
  const redraw = () => {
    timer = undefined
    // A terminal whose size nobody has set says 0.
    const shown = fittedTable(rows, { rows: out.rows || 24, columns: out.columns || 80 })
    draw(
      told === ''
        ? shown
        : `${shown}
${told}`,
    )
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
    tell(text) {
      told = indentedLines(text)
      redrawSoon()
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      redraw()
    },
  }
}
