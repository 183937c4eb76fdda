import { readFile } from 'node:fs/promises'
import { type Setting, settingRange } from '../../sdk/index.ts'
import { type BehaviourModel, behaviourPartNames, behaviourParts } from '../../simulations/index.ts'
import { sentence, tableOf } from './markdown.ts'

type Described = Pick<BehaviourModel<unknown>, 'name' | 'summary' | 'source' | 'settings'>

const begin = '<!-- made from the code: the models -->'
const end = '<!-- end of the models -->'

/** docs/behaviour.md, whose section of models is made from the table of models. */
export async function behaviourPage(): Promise<string> {
  const [before = '', rest = ''] = (await readFile('docs/behaviour.md', 'utf8')).split(begin)
  const after = rest.split(end)[1] ?? '\n'
  return `${before}${begin}\n\n${modelsSection()}\n\n${end}${after}`
}

function modelsSection(): string {
  const sections: string[] = []
  for (const part of behaviourPartNames) {
    const { models } = behaviourParts[part]
    const alike = behaviourPartNames.filter((other) => behaviourParts[other].models === models)
    if (alike[0] !== part) continue
    const lines = alike.map((name) => {
      const { help, example } = behaviourParts[name]
      return `\`${name}\` says ${help}, such as \`${example}\`.`
    })
    sections.push(`### ${alike.join(', ')}`, lines.join(' '), ...models.flatMap(modelSection))
  }
  return sections.join('\n\n')
}

function modelSection({ name, summary, source, settings }: Described): string[] {
  const head = `**\`${name}\`**: ${sentence(summary)}${source === undefined ? '' : ` Source: ${source}.`}`
  const rows = Object.entries(settings).map(([setting, described]) => [`\`${setting}\``, ...rowOf(described)])
  return rows.length === 0 ? [head] : [head, tableOf([['setting', 'value', 'default', 'for'], ...rows])]
}

function rowOf(setting: Setting): string[] {
  const given = setting.default === undefined ? (setting.optional ? 'none' : 'required') : `\`${setting.default}\``
  return [settingRange(setting), given, setting.help]
}
