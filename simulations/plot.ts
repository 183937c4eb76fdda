import type { RoundSummary } from '../sdk/index.ts'
import { simulationError } from './errors.ts'

export interface PlotOptions {
  readonly title?: string
  /** Default: every metric of the history. */
  readonly metrics?: readonly string[]
}

/** In pixels. */
const panel = { width: 640, height: 200, left: 64, right: 150, top: 34, bottom: 30 } as const
const colors = ['#1b6ca8', '#c8553d', '#588b3e', '#7d4e9e', '#b08900', '#3d8f8f']

/**
 * Draws the metrics of a run by round, as an SVG picture. Metrics of the same quantity, such as `loss` and
 * `train-loss`, share a panel. Models of several parts have a line each.
 *
 * @throws SIMULATION_NO_HISTORY.
 */
export function plot(
  history: readonly Pick<RoundSummary, 'round' | 'part' | 'metrics'>[],
  { title = '', metrics }: PlotOptions = {},
): string {
  const names = metrics ?? [...new Set(history.flatMap((round) => Object.keys(round.metrics)))].toSorted()
  const parts = [...new Set(history.map(({ part }) => part))]
  const panels = new Map<string, Line[]>()
  for (const name of names)
    for (const part of parts) {
      const points = history.flatMap(({ round, part: own, metrics: { [name]: value } }): Point[] =>
        own === part && value !== undefined && Number.isFinite(value) ? [[round, value]] : [],
      )
      if (points.length === 0) continue
      const quantity = name.replace(/^.*-/, '')
      const label = part === undefined ? name : `${name} ${part}`
      panels.set(quantity, [...(panels.get(quantity) ?? []), { label, points }])
    }
  if (panels.size === 0) throw simulationError('SIMULATION_NO_HISTORY')
  const height = panel.height * panels.size
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${panel.width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${panel.width}" height="${height}" fill="white"/>`,
    `<text x="${panel.left}" y="14" font-weight="bold">${escaped(title)}</text>`,
    ...[...panels].flatMap(([quantity, lines], index) => panelOf(quantity, lines, index * panel.height)),
    '</svg>',
    '',
  ].join('\n')
}

type Point = readonly [round: number, value: number]

interface Line {
  readonly label: string
  readonly points: readonly Point[]
}

function panelOf(quantity: string, lines: readonly Line[], offset: number): string[] {
  const rounds = rangeOf(lines.flatMap(({ points }) => points.map(([round]) => round)))
  const values = rangeOf(lines.flatMap(({ points }) => points.map(([, value]) => value)))
  const [right, bottom, top] = [panel.width - panel.right, offset + panel.height - panel.bottom, offset + panel.top]
  const x = (round: number) => scaled(round, rounds, panel.left, right)
  const y = (value: number) => scaled(value, values, bottom, top)
  const text = (at: string, content: string) => `<text ${at}>${escaped(content)}</text>`
  const byRound = ticks(rounds).filter(Number.isInteger)
  return [
    text(`x="${panel.left}" y="${top - 6}" fill="#666"`, `${quantity} by round`),
    ...ticks(values).flatMap((value) => [
      `<line x1="${panel.left}" x2="${right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>`,
      text(`x="${panel.left - 6}" y="${y(value) + 4}" text-anchor="end"`, String(value)),
    ]),
    ...byRound.map((round) => text(`x="${x(round)}" y="${bottom + 16}" text-anchor="middle"`, String(round))),
    ...lines.flatMap(({ label, points }, index) => {
      const color = colors[index % colors.length]
      const path = points.map(([round, value]) => `${x(round)},${y(value)}`).join(' ')
      // A single point is drawn as a dot.
      const drawn = points.length > 1 ? '' : ` stroke-width="4" stroke-linecap="round"`
      return [
        `<polyline fill="none" stroke="${color}"${drawn} points="${points.length > 1 ? path : `${path} ${path}`}"/>`,
        text(`x="${right + 8}" y="${top + 12 + 16 * index}" fill="${color}"`, label),
      ]
    }),
  ]
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
