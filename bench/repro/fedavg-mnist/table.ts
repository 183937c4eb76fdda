import type { Experiment, Run } from './experiments.ts'

/**
 * Makes a Markdown table: a row for each experiment and learning rate, with the rounds of all seeds and the published
 * rounds.
 */
export function table(experiments: readonly Experiment[], runs: readonly Run[]): string {
  const rows = experiments.flatMap((experiment) => {
    const own = runs.filter((run) => run.experiment === experiment.name)
    const rates = [...new Set(own.map(({ rate }) => rate))].toSorted((a, b) => a - b)
    if (rates.length === 0) return [row(experiment, '–', 'not run', '–')]
    return rates.map((rate) => {
      const seeds = own.filter((run) => run.rate === rate).toSorted((a, b) => a.seed - b.seed)
      const rounds = seeds.map(({ accuracies, reached }) =>
        reached ? String(accuracies.length) : `> ${accuracies.length}`,
      )
      const reached = seeds.filter((run) => run.reached).map(({ accuracies }) => accuracies.length)
      const middle = reached.toSorted((a, b) => a - b)[reached.length >> 1]
      const ratio = middle === undefined ? '–' : `${(middle / experiment.publishedRounds).toFixed(2)}×`
      return row(experiment, String(rate), rounds.join(', '), ratio)
    })
  })
  return [
    '| experiment | target | published rounds | learning rate | rounds, a seed each | median to published |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

function row({ title, target, publishedRounds }: Experiment, rate: string, rounds: string, ratio: string): string {
  return `| ${title} | ${100 * target} % | ${publishedRounds} | ${rate} | ${rounds} | ${ratio} |`
}
