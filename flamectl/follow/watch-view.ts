import type { NumberedEvent } from '../../actors/index.ts'
import { endedNames, type JobStatus } from '../../actors/model/index.ts'
import type { RoundSummary } from '../../sdk/index.ts'
import type { CommandContext } from '../command-context.ts'
import { eventLine, figure, mainMetricNames } from '../output/phrases.ts'
import { indentedLines } from '../output/printable.ts'
import { table } from '../output/printer.ts'

/** Shows the progress of jobs. */
interface WatchView extends AsyncDisposable {
  changed(rows: readonly JobRow[], row: JobRow, event?: NumberedEvent): void
  /** Shows a message about the server or about waiting, until another message replaces it. Empty: removes the message. */
  tell(text: string): void
}

/** The shortest time between two drawings. */
const redrawEveryMs = 100

/** On a terminal the view is a table that is redrawn; else, and in a format for programs, it is a line for each event. */
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
    // The size of a terminal is 0 until it is set.
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

/** The last committed round of one of a job's models. */
type ShownRound = Pick<RoundSummary, 'round' | 'part' | 'metrics' | 'seconds'>

/** A job as the live view shows it. */
export interface JobRow {
  readonly id: string
  readonly state: JobStatus['state']
  /** Rounds that the job is to have, where the job says so. */
  readonly rounds?: number | undefined
  /** One, or one for each part, sorted by part. Absent: no round is committed. */
  readonly models?: readonly ShownRound[]
  /** Why it failed. */
  readonly cause?: string
}

/** A job's row after an event. */
export function rowAfter(row: JobRow, { event }: NumberedEvent): JobRow {
  switch (event.type) {
    case 'state': {
      const { cause: _, ...kept } = row
      const cause = event.cause ? { cause: `${event.cause.code} ${event.cause.message.split('\n')[0]}` } : {}
      return { ...kept, state: event.state, ...cause }
    }
    case 'round': {
      const others = (row.models ?? []).filter(({ part }) => part !== event.part)
      const models = [...others, event].toSorted((a, b) => ((a.part ?? '') < (b.part ?? '') ? -1 : 1))
      return { ...row, models }
    }
    default:
      return row
  }
}

/** A line of the table: a job with one of its models, if it has any. The cause stands in the job's first line. */
interface RowLine extends Omit<JobRow, 'models'> {
  readonly model?: ShownRound | undefined
}

function linesOf({ models = [], cause, ...row }: JobRow): RowLine[] {
  const [first, ...others] = models
  return [
    { ...row, ...(cause === undefined ? {} : { cause }), model: first },
    ...others.map((model) => ({ ...row, model })),
  ]
}

/** Jobs as a table: a line for each model, a column for each metric of the models, and one for the parts if there are any. */
interface RowTable {
  readonly head: readonly string[]
  readonly cells: readonly (readonly string[])[]
}

export function tableOf(rows: readonly JobRow[]): RowTable {
  return tableOfLines(rows.flatMap(linesOf))
}

function tableOfLines(rowLines: readonly RowLine[]): RowTable {
  const names = mainMetricNames(rowLines.flatMap(({ model }) => Object.keys(model?.metrics ?? {})))
  const hasParts = rowLines.some(({ model }) => model?.part !== undefined)
  return {
    head: [
      ...['ID', 'STATE', ...(hasParts ? ['PART'] : []), 'ROUND'],
      ...[...names.map((name) => name.toUpperCase()), 'S/ROUND', 'CAUSE'],
    ],
    cells: rowLines.map(({ id, state, rounds, model, cause = '' }) => {
      const done = model ? `${model.round}${rounds === undefined ? '' : `/${rounds}`}` : '-'
      const value = (name: string) => model?.metrics[name]
      const found = names.map((name) => (value(name) === undefined ? '-' : figure(name, value(name) ?? 0)))
      const part = hasParts ? [model?.part ?? '-'] : []
      return [id, state, ...part, done, ...found, model?.seconds.toFixed(2) ?? '-', cause]
    }),
  }
}

interface TerminalSize {
  readonly rows: number
  readonly columns: number
}

/** A table no larger than the terminal: of more lines first those of jobs under way, then those of the newest jobs. */
export function fittedTable(rows: readonly JobRow[], { rows: height, columns }: TerminalSize): string {
  const most = Math.max(1, height - 3)
  const lined = rows.map((row) => ({ row, lines: linesOf(row) }))
  const all = lined.flatMap(({ lines }) => lines)
  const isOver = ({ row }: (typeof lined)[number]) => row.state === 'ready' || endedNames.includes(row.state)
  const ranked = [...lined.filter((each) => !isOver(each)).toReversed(), ...lined.filter(isOver).toReversed()]
  const first = new Set(ranked.flatMap(({ lines }) => lines).slice(0, most))
  const shown = all.filter((line) => first.has(line))
  const more = all.length > shown.length ? `\nand ${all.length - shown.length} more` : ''
  const { head, cells } = tableOfLines(shown)
  return (table(head, cells) + more)
    .split('\n')
    .map((line) => [...line].slice(0, columns).join(''))
    .join('\n')
}
