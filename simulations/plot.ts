import type { RoundSummary } from '../sdk/index.ts'
import { simulationError } from './errors.ts'

/** What lies along a picture: rounds, or virtual hours. */
export type PlotAxis = 'round' | 'hours'

/** A round that can be plotted. `at`: virtual milliseconds, of a fleet's round. */
export type PlotRound = Pick<RoundSummary, 'round' | 'part' | 'metrics'> & { readonly at?: number }

export interface PlotOptions {
  readonly title?: string
  /** Default: every metric of the history. */
  readonly metrics?: readonly string[]
  /** Default: `round`. Several: a panel for each. Runs without virtual times aren't drawn by hours. */
  readonly by?: PlotAxis | readonly PlotAxis[]
}

/** A run among others of a picture. Runs with the same label, such as those of several seeds, have the same colour. */
export interface LabelledRun {
  readonly label: string
  readonly history: readonly PlotRound[]
}

/** In pixels. */
const panel = { width: 640, height: 200, left: 64, right: 150, top: 34, bottom: 30 } as const
const colors = ['#1b6ca8', '#c8553d', '#588b3e', '#7d4e9e', '#b08900', '#3d8f8f']
const hourMs = 3_600_000

/**
 * Draws the metrics of a run, or of several, as an SVG picture. Metrics of the same quantity, such as `loss` and
 * `train-loss`, share a panel. Models of several parts have a line each.
 *
 * @throws SIMULATION_NO_HISTORY.
 */
export function plot(
  given: readonly PlotRound[] | readonly LabelledRun[],
  { title = '', metrics, by = 'round' }: PlotOptions = {},
): string {
  const runs = runsOf(given)
  const axes = typeof by === 'string' ? [by] : by
  const rounds = runs.flatMap(({ history }) => history)
  const names = metrics ?? [...new Set(rounds.flatMap((round) => Object.keys(round.metrics)))].toSorted()
  const panels = new Map<string, Panel>()
  for (const axis of axes)
    for (const name of names)
      for (const { label: run, history } of runs)
        for (const part of new Set(history.map((round) => round.part))) {
          const points = pointsOf(
            history.filter((round) => round.part === part),
            name,
            axis,
          )
          if (points.length === 0) continue
          const quantity = name.replace(/^.*-/, '')
          const key = `${quantity} by ${axis}`
          const drawn = panels.get(key) ?? { quantity, axis, lines: [] }
          // A run's name says enough where each panel has one metric.
          const own = run !== undefined && name === quantity ? '' : name
          const label = [run, own, part].filter((word) => word !== undefined && word !== '').join(' ')
          panels.set(key, { ...drawn, lines: [...drawn.lines, { label, points }] })
        }
  if (panels.size === 0) throw simulationError('SIMULATION_NO_HISTORY')
  const height = panel.height * panels.size
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${panel.width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${panel.width}" height="${height}" fill="white"/>`,
    `<text x="${panel.left}" y="14" font-weight="bold">${escaped(title)}</text>`,
    ...[...panels.values()].flatMap((each, index) => panelOf(each, index * panel.height)),
    '</svg>',
    '',
  ].join('\n')
}

type Point = readonly [place: number, value: number]

interface Line {
  readonly label: string
  readonly points: readonly Point[]
}

interface Panel {
  readonly quantity: string
  readonly axis: PlotAxis
  readonly lines: readonly Line[]
}

function runsOf(
  given: readonly PlotRound[] | readonly LabelledRun[],
): readonly { readonly label?: string; readonly history: readonly PlotRound[] }[] {
  const runs: LabelledRun[] = []
  const history: PlotRound[] = []
  for (const one of given)
    if ('history' in one) runs.push(one)
    else history.push(one)
  return runs.length > 0 ? runs : [{ history }]
}

function pointsOf(history: readonly PlotRound[], name: string, axis: PlotAxis): readonly Point[] {
  return history.flatMap(({ round, at, metrics: { [name]: value } }): Point[] => {
    const place = axis === 'round' ? round : at === undefined ? Number.NaN : at / hourMs
    return value !== undefined && Number.isFinite(value) && Number.isFinite(place) ? [[place, value]] : []
  })
}

function panelOf({ quantity, axis, lines }: Panel, offset: number): string[] {
  const places = rangeOf(lines.flatMap(({ points }) => points.map(([place]) => place)))
  const values = rangeOf(lines.flatMap(({ points }) => points.map(([, value]) => value)))
  const [right, bottom, top] = [panel.width - panel.right, offset + panel.height - panel.bottom, offset + panel.top]
  const x = (place: number) => scaled(place, places, panel.left, right)
  const y = (value: number) => scaled(value, values, bottom, top)
  const text = (at: string, content: string) => `<text ${at}>${escaped(content)}</text>`
  const along = axis === 'round' ? ticks(places).filter(Number.isInteger) : ticks(places)
  const labels = [...new Set(lines.map(({ label }) => label))]
  return [
    text(
      `x="${panel.left}" y="${top - 6}" fill="#666"`,
      `${quantity} by ${axis === 'round' ? 'round' : 'virtual hours'}`,
    ),
    ...ticks(values).flatMap((value) => [
      `<line x1="${panel.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>`,
      text(`x="${panel.left - 6}" y="${y(value) + 4}" text-anchor="end"`, String(value)),
    ]),
    ...along.map((place) => text(`x="${x(place)}" y="${bottom + 16}" text-anchor="middle"`, String(place))),
    ...lines.map(({ label, points }) => {
      const path = points.map(([place, value]) => `${x(place)},${y(value)}`).join(' ')
      // A single point is drawn as a dot.
      const drawn = points.length > 1 ? '' : ` stroke-width="4" stroke-linecap="round"`
      const color = colorOf(labels.indexOf(label))
      return `<polyline fill="none" stroke="${color}"${drawn} points="${points.length > 1 ? path : `${path} ${path}`}"/>`
    }),
    ...labels.map((label, index) =>
      text(`x="${right + 8}" y="${top + 12 + 16 * index}" fill="${colorOf(index)}"`, label),
    ),
  ]
}

function colorOf(index: number): string | undefined {
  return colors[index % colors.length]
}

type Range = readonly [least: number, most: number]
/** By reduce, since a history may be too long for the arguments of one call. */
function rangeOf(values: readonly number[]): Range {
  const least = values.reduce((found, value) => Math.min(found, value), Number.POSITIVE_INFINITY)
  const most = values.reduce((found, value) => Math.max(found, value), Number.NEGATIVE_INFINITY)
  return least === most ? [least - 0.5, most + 0.5] : [least, most]
}

function scaled(value: number, [least, most]: Range, from: number, to: number): number {
  return Number((from + ((value - least) / (most - least)) * (to - from)).toFixed(1))
}

/** Between three and eight round numbers within a range. */
function ticks([least, most]: Range): number[] {
  const rough = (most - least) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([5, 2, 1].find((factor) => factor * power <= rough) ?? 1)
  const first = Math.ceil(least / step)
  return Array.from({ length: Math.floor(most / step) - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(6)),
  )
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
