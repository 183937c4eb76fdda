import type { NumberedEvent } from '../../actors/index.ts'
import { endedNames, type JobStatus } from '../../actors/model/index.ts'
import type { CommandContext } from '../command-context.ts'
import { eventLine, figure, mainMetricNames } from '../output/phrases.ts'
import { indentedLines } from '../output/printable.ts'
import { table } from '../output/printer.ts'

/** Shows how jobs come on. */
interface WatchView extends AsyncDisposable {
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

/** A job as the live view shows it. */
export interface JobRow {
  readonly id: string
  readonly state: JobStatus['state']
  /** Rounds that the job is to have, where it says it. */
  readonly rounds?: number | undefined
  readonly round?: number
  readonly metrics?: Readonly<Record<string, number>>
  readonly seconds?: number
  /** Why it failed. */
  readonly cause?: string
}

/** What a row is after an event. */
export function rowAfter(row: JobRow, { event }: NumberedEvent): JobRow {
  switch (event.type) {
    case 'state': {
      const { cause: _, ...kept } = row
      const cause = event.cause ? { cause: `${event.cause.code} ${event.cause.message.split('\n')[0]}` } : {}
      return { ...kept, state: event.state, ...cause }
    }
    case 'round': {
      const { round, metrics, seconds } = event
      return { ...row, round, metrics, seconds }
    }
    default:
      return row
  }
}

/** Rows as a table: a column for each metric that one of their jobs has. */
interface RowTable {
  readonly head: readonly string[]
  readonly cells: readonly (readonly string[])[]
}

export function tableOf(rows: readonly JobRow[]): RowTable {
  const names = mainMetricNames(rows.flatMap(({ metrics = {} }) => Object.keys(metrics)))
  return {
    head: ['ID', 'STATE', 'ROUND', ...names.map((name) => name.toUpperCase()), 'S/ROUND', 'CAUSE'],
    cells: rows.map(({ id, state, rounds, round, metrics = {}, seconds, cause = '' }) => {
      const done = round === undefined ? '-' : `${round}${rounds === undefined ? '' : `/${rounds}`}`
      const found = names.map((name) => (metrics[name] === undefined ? '-' : figure(name, metrics[name])))
      return [id, state, done, ...found, seconds?.toFixed(2) ?? '-', cause]
    }),
  }
}

interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

/** A table no larger than the terminal: of more jobs those under way, then the newest. */
export function fittedTable(rows: readonly JobRow[], { rows: lines, columns }: TerminalSize): string {
  const most = Math.max(1, lines - 3)
  const isOver = ({ state }: JobRow) => state === 'ready' || endedNames.includes(state)
  const first = [...rows.filter((row) => !isOver(row)).toReversed(), ...rows.filter(isOver).toReversed()].slice(0, most)
  const shown = rows.filter((row) => first.includes(row))
  const more = rows.length > shown.length ? `\nand ${rows.length - shown.length} more` : ''
  const { head, cells } = tableOf(shown)
  return (table(head, cells) + more)
    .split('\n')
    .map((line) => [...line].slice(0, columns).join(''))
    .join('\n')
}
