import { CodedError, isObject, knownNames } from '../../runtime/index.ts'
import type { Algorithm } from './algorithm.ts'
import { catalogue, stagesEntry } from './catalogue.ts'
import type { Named } from './define-algorithm.ts'
import { strategyError } from './errors.ts'
import { type Kind, kinds } from './kinds.ts'
import { nameIn, type SettingFault, settingFaults } from './settings.ts'

/** A name from the catalogue and its settings, as a job gives them. */
export interface Choice {
  readonly sort: string
  readonly kwargs?: Readonly<Record<string, unknown>>
}

/** A job's choices about its algorithm. */
export type Choices = { readonly [Each in Kind]?: Choice | undefined } & {
  /** Some hyperparameters are settings of an algorithm, such as `aggGoal`. */
  readonly hyperparameters?: Readonly<Record<string, unknown>> | undefined
}

/** A fault of a job's choices, with its location. */
export type ChoiceFault =
  | (SettingFault & { readonly kind: Kind })
  | { readonly kind: Kind; readonly problem: 'sort'; readonly name: string; readonly expected: string }
  /** A list of stages with a fault, which `expected` tells. */
  | { readonly kind: Kind; readonly problem: 'text'; readonly name: string; readonly expected: string }

/** All faults of a job's choices by themselves. A setting has the name under which it was given. */
export function choiceFaults(choices: Choices): ChoiceFault[] {
  return kinds.flatMap((kind): ChoiceFault[] => {
    const choice = choices[kind]
    if (!choice) return []
    let named: Named | undefined
    try {
      named = namedBy(kind, choice.sort)
    } catch (cause) {
      if (!(cause instanceof CodedError)) throw cause
      return [{ kind, problem: 'text', name: choice.sort, expected: cause.message }]
    }
    if (!named) {
      const expected = knownNames(choice.sort, namesOf(kind))
      return [{ kind, problem: 'sort', name: choice.sort, expected }]
    }
    return settingFaults(named.settings, given(named, choice, choices)).map((fault) => Object.assign(fault, { kind }))
  })
}

/**
 * The algorithm of a job: the workload's, changed by the job's choices.
 *
 * @throws STRATEGY_UNKNOWN for a name outside the catalogue, STRATEGY_SETTING and STRATEGY_SETTING_UNKNOWN for
 *   settings, STRATEGY_MISFIT for a selector that doesn't fit the algorithm.
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

function namesOf(kind: Kind): string[] {
  return catalogue[kind].map(({ name }) => name)
}

/** @throws as `stagesEntry` does for a text of several stages, or with settings. */
function namedBy(kind: Kind, sort: string): Named | undefined {
  const named = catalogue[kind].find(({ name, alias }) => name === sort || alias === sort)
  return named ?? (kind === 'stages' && isStagesText(sort) ? stagesEntry(sort) : undefined)
}

function isStagesText(text: string): boolean {
  return text.includes(':') || (text.includes(',') && !text.includes('='))
}

/** The settings of a choice: its kwargs, and hyperparameters in place of missing kwargs. */
function given({ settings }: Named, { kwargs = {} }: Choice, { hyperparameters = {} }: Choices) {
  const standing = Object.entries(settings).flatMap(([name, { kwarg = name, hyperparameter }]) => {
    const isGiven = Object.hasOwn(kwargs, name) || Object.hasOwn(kwargs, kwarg)
    if (hyperparameter === undefined || isGiven || !Object.hasOwn(hyperparameters, hyperparameter)) return []
    return [[name, hyperparameters[hyperparameter]] as const]
  })
  const all = [...standing, ...Object.entries(kwargs)]
  return Object.fromEntries(all.filter(([, value]) => value !== undefined))
}

/**
 * Checks choices that a program gives: one that nobody reads would leave the job with another algorithm.
 *
 * @throws STRATEGY_KIND for a name that is none of the kinds, STRATEGY_CHOICE for a choice of another shape.
 */
export function requireChoices(given: object): void {
  for (const [kind, choice] of Object.entries(given)) {
    if (!kinds.some((known) => known === kind))
      throw strategyError('STRATEGY_KIND', { kind, known: knownNames(kind, kinds) })
    if (choice !== undefined && !isChoice(choice))
      throw strategyError('STRATEGY_CHOICE', { kind, given: JSON.stringify(choice) })
  }
}

function isChoice(value: unknown): value is Choice {
  if (!isObject(value) || !('sort' in value) || typeof value.sort !== 'string') return false
  const isKnown = Object.keys(value).every((name) => name === 'sort' || name === 'kwargs')
  return isKnown && (!('kwargs' in value) || value.kwargs === undefined || isObject(value.kwargs))
}

/**
 * A choice as a person would write it, the same for the same choice: settings by their own names, sorted. `none` where the
 * job leaves it to its workload.
 */
export function choiceText(kind: Kind, choice: Choice | undefined): string {
  if (!choice || (kind !== 'selector' && choice.sort === 'default')) return 'none'
  const { name = choice.sort, settings = {} } = namedBy(kind, choice.sort) ?? {}
  const pairs = Object.entries(choice.kwargs ?? {}).flatMap(([as, value]) =>
    value === undefined ? [] : [`${nameIn(settings, as) ?? as}=${String(value)}`],
  )
  return [name, ...pairs.toSorted()].join(',')
}

/** A choice in the form of text. */
export interface WrittenChoice {
  readonly sort: string
  readonly kwargs?: Record<string, string | number>
}

/** Parses a choice such as `fedadam,eta=0.05`. STRATEGY_SYNTAX. */
function choiceOf(text: string): WrittenChoice {
  const [sort = '', ...pairs] = text.split(',').map((part) => part.trim())
  const kwargs = pairs.map((pair) => {
    const at = pair.indexOf('=')
    const value = pair.slice(at + 1).trim()
    if (at < 1 || value === '') throw strategyError('STRATEGY_SYNTAX', { given: text })
    return [pair.slice(0, at).trim(), Number.isNaN(Number(value)) ? value : Number(value)] as const
  })
  const isTwice = new Set(kwargs.map(([name]) => name)).size < kwargs.length
  if (sort === '' || sort.includes('=') || isTwice) throw strategyError('STRATEGY_SYNTAX', { given: text })
  return pairs.length === 0 ? { sort } : { sort, kwargs: Object.fromEntries(kwargs) }
}

/** An attack such as `scaled:0.2:scale=5` in the form of other choices: the value without a name is the fraction. */
function withNames(text: string): string {
  const [name = '', ...parts] = text.split(':')
  return [name, ...parts.map((part) => (part.includes('=') ? part : `fraction=${part}`))].join(',')
}

/** Parses the choices of each kind. STRATEGY_SYNTAX. */
export function choicesOf(texts: Readonly<Partial<Record<Kind, string>>>): { [Each in Kind]?: WrittenChoice } {
  const choices = kinds.flatMap((kind) => {
    const text = texts[kind]
    if (text === undefined) return []
    if (kind === 'stages' && isStagesText(text)) return [[kind, { sort: text }] as const]
    return [[kind, choiceOf(kind === 'attack' ? withNames(text) : text)] as const]
  })
  return Object.fromEntries(choices)
}
