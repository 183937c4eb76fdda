import {
  catalogue,
  choicesOf,
  chosenAlgorithm,
  fedAvg,
  fittingTopologies,
  type Kind,
  kinds,
  type Named,
  type Setting,
  settingRange,
  topologies,
} from '../../sdk/index.ts'
import { cataloguePairs } from '../support/catalogue-pairs.ts'
import { sentence, tableOf } from './markdown.ts'

const headings: Readonly<Record<Kind, string>> = {
  optimizer: 'Algorithms (`optimizer`)',
  selector: 'Selectors (`selector`)',
  datasampler: 'Samplers of data (`datasampler`)',
  stages: 'Stages (`stages`)',
  privacy: 'Privacy (`privacy`)',
  attack: 'Attacks (`attack`)',
}

/** docs/algorithms.md, made from the catalogue. */
export function algorithmsPage(): string {
  const sections = kinds.flatMap((kind) => [`## ${headings[kind]}`, ...catalogue[kind].map(sectionOf)])
  return `${[
    '# Algorithms',
    '`npm run docs` writes this page from the catalogue in `sdk/strategy/catalogue.ts`; a test compares the two.',
    'A workload makes its algorithm in code, such as `strategy: () => fedAdam({ eta: 0.05 })`. A job may name another in its model\'s specification (`{ "optimizer": { "sort": "fedadam", "kwargs": { "eta": 0.05 } } }`), and so may `flamectl run` and `flamectl create job`: `--set optimizer=fedadam,eta=0.05`. A job takes either name of a setting; the second one is that of Flame. Where a job names an algorithm, the workload\'s selection, waiting and quantum stay, unless their settings are given too; the workload\'s stages go with its algorithm. A job may add stages in the order of a list: `--set stages=clip:1,top-k:0.01:errorFeedback=off`, or `{ "stages": { "sort": "clip:1,top-k:0.01" } }`: after a stage\'s name come its settings, and a value without a name is that of its first setting.',
    ...sections,
    '## Which algorithm runs on which topology',
    'A job with another pair is refused when it is made, with the reason. `test/pairs.test.ts` runs every pair.',
    pairsTable(),
  ].join('\n\n')}\n`
}

function sectionOf({ name, alias, summary, source, settings }: Named): string {
  const other = alias === undefined ? '' : ` Its other name is \`${alias}\`.`
  const head = `### ${name}\n\n${sentence(summary)}${other}${source === undefined ? '' : ` Source: ${source}.`}`
  const rows = Object.entries(settings).map(rowOf)
  return rows.length === 0 ? head : `${head}\n\n${tableOf([['setting', 'value', 'default', 'for'], ...rows])}`
}

function rowOf([name, setting]: [string, Setting]): string[] {
  const { kwarg, hyperparameter, help, optional } = setting
  const names = [name, kwarg, hyperparameter].filter((each) => each !== undefined).map((each) => `\`${each}\``)
  const given = setting.default === undefined ? (optional ? 'none' : 'required') : `\`${setting.default}\``
  return [[...new Set(names)].join(', '), settingRange(setting), given, help]
}

/** A row for each algorithm, a column for each ready-made topology. */
function pairsTable(): string {
  const names = Object.keys(topologies)
  const optimizers = new Map(cataloguePairs().map(({ algorithm, optimizer }) => [algorithm, optimizer]))
  const rows = [...optimizers].map(([algorithm, optimizer]) => {
    const fitting = fittingTopologies(chosenAlgorithm(fedAvg(), choicesOf({ optimizer })))
    return [`\`${algorithm}\``, ...names.map((name) => (fitting.includes(name) ? 'yes' : '–'))]
  })
  return tableOf([['', ...names], ...rows])
}
