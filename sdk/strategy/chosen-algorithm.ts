import { knownNames } from '../../runtime/index.ts'
import type { Schema } from '../tag/schema.ts'
import type { Algorithm } from './algorithm.ts'
import { catalogue, type Kind, kinds, type Named } from './catalogue.ts'
import { strategyError } from './errors.ts'
import { type SettingFault, settingFaults } from './settings.ts'

/** A name and settings, as a job gives them. */
export interface Choice {
  readonly sort: string
  readonly kwargs?: Readonly<Record<string, unknown>>
}

/** Everything that a job says of its algorithm. */
export type Choices = { readonly [Each in Kind]?: Choice | undefined } & {
  /** Some are settings of an algorithm, such as `aggGoal`. */
  readonly hyperparameters?: Readonly<Record<string, unknown>> | undefined
}

/** What is wrong with a job's choices, with its place. */
export type ChoiceFault =
  | (SettingFault & { readonly kind: Kind })
  | { readonly kind: Kind; readonly problem: 'sort'; readonly name: string; readonly expected: string }

/** Everything that is wrong with a job's choices in themselves. A setting's name is the one that was given. */
export function choiceFaults(choices: Choices): ChoiceFault[] {
  return kinds.flatMap((kind): ChoiceFault[] => {
    const choice = choices[kind]
    if (!choice) return []
    const named = namedBy(kind, choice.sort)
    if (!named) {
      const expected = knownNames(choice.sort, namesOf(kind))
      return [{ kind, problem: 'sort', name: choice.sort, expected }]
    }
    return settingFaults(named.settings, given(named, choice, choices)).map((fault) => Object.assign(fault, { kind }))
  })
}

/**
 * The algorithm of a job: its workload's, with what the job names in place of the workload's.
 *
 * @throws STRATEGY_UNKNOWN for a name that isn't in the catalogue, STRATEGY_SETTING and STRATEGY_SETTING_UNKNOWN for settings,
 *   STRATEGY_MISFIT for a selector that doesn't fit the algorithm.
 */
export function chosenAlgorithm(own: Algorithm, choices: Choices): Algorithm {
  let algorithm = own
  for (const kind of kinds) {
    const choice = choices[kind]
    if (!choice) continue
    const named = namedBy(kind, choice.sort)
    if (!named)
      throw strategyError('STRATEGY_UNKNOWN', {
        kind,
        sort: choice.sort,
        known: knownNames(choice.sort, namesOf(kind)),
      })
    algorithm = named.apply(algorithm, given(named, choice, choices))
  }
  return algorithm
}

/** The kinds whose choice no role of this system runs, each with its name. */
export function choicesElsewhere(choices: Choices): { readonly kind: Kind; readonly sort: string }[] {
  return kinds.flatMap((kind) => {
    const sort = choices[kind]?.sort
    return sort !== undefined && namedBy(kind, sort)?.elsewhere ? [{ kind, sort }] : []
  })
}

function namesOf(kind: Kind): string[] {
  return catalogue[kind].map(({ name }) => name)
}

function namedBy(kind: Kind, sort: string): Named | undefined {
  return catalogue[kind].find(({ name }) => name === sort)
}

/** The settings of a choice: its kwargs, and the hyperparameters that stand for a setting. */
function given({ settings }: Named, { kwargs = {} }: Choice, { hyperparameters = {} }: Choices) {
  const standing = Object.entries(settings).flatMap(([name, { kwarg = name, hyperparameter }]) => {
    const isGiven = Object.hasOwn(kwargs, name) || Object.hasOwn(kwargs, kwarg)
    if (hyperparameter === undefined || isGiven || !Object.hasOwn(hyperparameters, hyperparameter)) return []
    return [[name, hyperparameters[hyperparameter]] as const]
  })
  return { ...Object.fromEntries(standing), ...kwargs }
}

/** @throws STRATEGY_LEARNER where an algorithm needs another learner. */
export function requireLearner(
  { client }: Algorithm,
  learner: { readonly plainLearningRate?: number | undefined },
): void {
  if (client.needs === undefined || learner.plainLearningRate !== undefined) return
  throw strategyError('STRATEGY_LEARNER', { needs: 'steps w −= η·g and nothing else' })
}

/** A role that passes sums on: it aggregates below and uploads above. Undefined if the topology has none. */
function summingRole({ roles, channels }: Schema): string | undefined {
  const tagsOf = (role: string) => channels.flatMap(({ funcTags }) => funcTags?.[role] ?? [])
  return roles
    .map(({ name }) => name)
    .find((role) => {
      const tags = tagsOf(role)
      return tags.includes('aggregate') && tags.includes('upload')
    })
}

/** Why an algorithm can't run on a topology; undefined if it can. */
export function topologyMisfit({ name, aggregation, waiting }: Algorithm, schema: Schema): string | undefined {
  const role = summingRole(schema)
  if (role === undefined) return undefined
  if (aggregation.needs === 'each') return `${name} needs each contribution, and the role ${role} passes sums on`
  if (waiting.kind === 'buffer')
    return `${name} counts trainers in the order of arrival, and the role ${role} is between them and it`
  return undefined
}

/** @throws STRATEGY_TOPOLOGY where an algorithm can't run on a topology. */
export function requireTopology(algorithm: Algorithm, schema: Schema): void {
  const reason = topologyMisfit(algorithm, schema)
  if (reason !== undefined) throw strategyError('STRATEGY_TOPOLOGY', { reason })
}

/** A choice that was written as text. */
export interface WrittenChoice {
  readonly sort: string
  readonly kwargs?: Record<string, string | number>
}

/** A choice as a person writes it: `fedadam,eta=0.05`. STRATEGY_SYNTAX. */
function choiceOf(text: string): WrittenChoice {
  const [sort = '', ...pairs] = text.split(',').map((part) => part.trim())
  const kwargs = pairs.map((pair) => {
    const at = pair.indexOf('=')
    const value = pair.slice(at + 1).trim()
    if (at < 1 || value === '') throw strategyError('STRATEGY_SYNTAX', { given: text })
    return [pair.slice(0, at).trim(), Number.isNaN(Number(value)) ? value : Number(value)] as const
  })
  if (sort === '' || sort.includes('=')) throw strategyError('STRATEGY_SYNTAX', { given: text })
  return pairs.length === 0 ? { sort } : { sort, kwargs: Object.fromEntries(kwargs) }
}

/** The choices of each kind as a person writes them. STRATEGY_SYNTAX. */
export function choicesOf(texts: Readonly<Partial<Record<Kind, string>>>): { [Each in Kind]?: WrittenChoice } {
  const choices = kinds.flatMap((kind) => (texts[kind] === undefined ? [] : [[kind, choiceOf(texts[kind])] as const]))
  return Object.fromEntries(choices)
}
