import { knownNames } from '../../../runtime/index.ts'
import type { Stage } from '../algorithm.ts'
import { strategyError } from '../errors.ts'
import { stageDefinitions } from './stage-definitions.ts'

/**
 * Makes the stages of a list such as `clip:1,top-k:0.01:errorFeedback=off`: names, each with its settings after colons.
 * A value without a name is that of the stage's first setting.
 *
 * @throws STRATEGY_STAGES for text of another form, STRATEGY_UNKNOWN for another name, and as `settingValues` does.
 */
export function writtenStages(text: string): readonly Stage[] {
  return text.split(',').map((item) => {
    const [name = '', ...parts] = item.split(':').map((part) => part.trim())
    const definition = stageDefinitions.find((each) => each.name === name)
    if (!definition) {
      const names = stageDefinitions.map((each) => each.name)
      throw strategyError('STRATEGY_UNKNOWN', { kind: 'stage', sort: name, known: knownNames(name, names) })
    }
    const [first = ''] = Object.keys(definition.settings)
    const given = parts.map((part) => {
      const at = part.indexOf('=')
      const value = part.slice(at + 1).trim()
      if (value === '' || at === 0) throw strategyError('STRATEGY_STAGES', { given: text })
      const setting = at < 0 ? first : part.slice(0, at).trim()
      return [setting, Number.isNaN(Number(value)) ? value : Number(value)] as const
    })
    if (new Set(given.map(([setting]) => setting)).size < given.length)
      throw strategyError('STRATEGY_STAGES', { given: text })
    return definition.from(Object.fromEntries(given))
  })
}
