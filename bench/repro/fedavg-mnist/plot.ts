import type { Experiment, Run } from './experiments.ts'

const width = 760
const height = 420
const margin = { left: 56, right: 190, top: 20, bottom: 44 }
const colors = ['#1b6ca8', '#c8553d', '#588b3e', '#7d4e9e', '#b08900', '#3d8f8f', '#999999']
const leastError = 0.008

/** Draws an SVG: the error on the test set over the rounds, both axes logarithmic, a line for each run. */
export function plot(experiments: readonly Experiment[], runs: readonly Run[]): string {
  const most = Math.max(10, ...runs.map(({ accuracies }) => accuracies.length))
  const x = (round: number) => margin.left + (Math.log(round) / Math.log(most)) * (width - margin.left - margin.right)
  const y = (error: number) =>
    margin.top + (Math.log(Math.max(error, leastError)) / Math.log(leastError)) * (height - margin.top - margin.bottom)
  const lines = experiments.flatMap(({ name, title }, index) => {
    const color = colors[index % colors.length]
    const own = runs.filter(({ experiment }) => experiment === name)
    if (own.length === 0) return []
    const label = `<text x="${width - margin.right + 8}" y="${margin.top + 14 + 18 * index}" fill="${color}">${title}</text>`
    return [
      label,
      ...own.map(({ accuracies }) => {
        const points = accuracies.map((accuracy, i) => `${x(i + 1).toFixed(1)},${y(1 - accuracy).toFixed(1)}`)
        return `<polyline fill="none" stroke="${color}" stroke-opacity="0.7" points="${points.join(' ')}"/>`
      }),
    ]
  })
  const rounds = [1, 10, 100, 1000].filter((round) => round <= most)
  const marks = [
    ...[0.5, 0.1, 0.03, 0.01].map(
      (error) =>
        `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y(error)}" y2="${y(error)}" stroke="#ddd"/>` +
        `<text x="${margin.left - 6}" y="${y(error) + 4}" text-anchor="end">${100 * error} %</text>`,
    ),
    ...rounds.map(
      (round) => `<text x="${x(round)}" y="${height - margin.bottom + 18}" text-anchor="middle">${round}</text>`,
    ),
  ]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...marks,
    ...lines,
    `<text x="${(margin.left + width - margin.right) / 2}" y="${height - 8}" text-anchor="middle">rounds</text>`,
    '</svg>',
    '',
  ].join('\n')
}
