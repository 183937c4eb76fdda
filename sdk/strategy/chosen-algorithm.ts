import { knownNames } from '../../runtime/index.ts'
import { randomStream } from '../random/random-stream.ts'
import type { Task } from '../tag/expand.ts'
import type { Schema } from '../tag/schema.ts'
import type { Algorithm } from './algorithm.ts'
import { catalogue, type Kind, kinds, type Named } from './catalogue.ts'
import { strategyError } from './errors.ts'
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

/** All faults of a job's choices by themselves. A setting has the name under which it was given. */
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

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** @throws STRATEGY_LEARNER where an algorithm needs another learner. */
export function requireLearner(
  { client }: Algorithm,
  learner: { readonly plainLearningRate?: number | undefined },
): void {
  if (client.needs === undefined || learner.plainLearningRate !== undefined) return
  throw strategyError('STRATEGY_LEARNER', { needs: 'steps w −= η·g and nothing else' })
}

/**
 * A role between trainers and the top, which passes sums on: aggregates below and uploads above. Undefined if the
 * topology has none.
 */
function summingRole({ roles, channels }: Schema): string | undefined {
  const tagsOf = (role: string) => channels.flatMap(({ funcTags }) => funcTags?.[role] ?? [])
  return roles
    .map(({ name }) => name)
    .find((role) => {
      const tags = tagsOf(role)
      return tags.includes('aggregate') && tags.includes('upload')
    })
}

/** The reason for which an algorithm can't run on a topology. Undefined if it can. */
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

/** Number of selections that are tried, since a selector may select more ends in one round than in another. */
const triedSelections = 8

/**
 * The reason for which no round of an algorithm can count the updates that it needs. Undefined if a round can. `trainers`
 * is the number of trainers from which the aggregator selects.
 */
export function updatesMisfit(
  { name, select, waiting }: Algorithm,
  schema: Schema,
  trainers: number,
): string | undefined {
  if (waiting.kind !== 'quorum' || waiting.minimumUpdates <= 1) return undefined
  const ends = Array.from({ length: trainers }, (_, index) => `trainer-${index}`).toSorted()
  const selections = Array.from(
    { length: triedSelections },
    (_, seed) => select.select(ends, randomStream(seed)).length,
  )
  const selected = Math.max(...selections)
  // With middle aggregators each group has its own quorum, and more updates may be counted in all.
  const quorum = summingRole(schema) === undefined ? waiting.quorum : 1
  const counted = Math.ceil(quorum * selected - 1e-9)
  if (counted >= waiting.minimumUpdates) return undefined
  const awaited = counted < selected ? `, of which a quorum of ${quorum} awaits ${counted}` : ''
  return `${name} needs ${waiting.minimumUpdates} updates a round, but selects ${selected} of ${trainers} trainers${awaited}`
}

/** @throws STRATEGY_CLIENTS where an aggregator can't count the updates that the algorithm needs. */
export function requireUpdates(algorithm: Algorithm, schema: Schema, tasks: Iterable<PlacedTask>): void {
  const { waiting } = algorithm
  if (waiting.kind !== 'quorum' || waiting.minimumUpdates <= 1) return
  const reason = updatesMisfit(algorithm, schema, fewestTrainers(schema, [...tasks]))
  if (reason !== undefined) throw strategyError('STRATEGY_CLIENTS', { reason })
}

type PlacedTask = Pick<Task, 'role' | 'dataset' | 'groupAssociation'>

/** Number of trainers in the smallest group from which a topmost aggregator selects. */
function fewestTrainers({ channels }: Schema, tasks: readonly PlacedTask[]): number {
  const uploads = (role: string) => channels.some(({ funcTags }) => funcTags?.[role]?.includes('upload'))
  const trainers = tasks.filter(({ dataset }) => dataset !== undefined)
  const counts = channels.flatMap(({ name, pair, funcTags }) => {
    const joined = trainers.filter(({ role }) => pair.includes(role))
    const sizes = new Map<string | undefined, number>()
    for (const { groupAssociation } of joined)
      sizes.set(groupAssociation[name], (sizes.get(groupAssociation[name]) ?? 0) + 1)
    return tasks
      .filter(({ role }) => joined.length > 0 && funcTags?.[role]?.includes('aggregate') && !uploads(role))
      .map(({ groupAssociation }) => sizes.get(groupAssociation[name]) ?? 0)
  })
  return counts.length === 0 ? trainers.length : Math.min(...counts)
}

/**
 * A choice as a person would write it, the same for the same choice: settings by their own names, sorted. `none` where the
 * job leaves it to its workload.
 */
export function choiceText(kind: Kind, choice: Choice | undefined): string {
  if (!choice || (kind !== 'selector' && choice.sort === 'default')) return 'none'
  const settings = namedBy(kind, choice.sort)?.settings ?? {}
  const pairs = Object.entries(choice.kwargs ?? {}).flatMap(([as, value]) =>
    value === undefined ? [] : [`${nameIn(settings, as) ?? as}=${String(value)}`],
  )
  return [choice.sort, ...pairs.toSorted()].join(',')
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

/** Parses the choices of each kind. STRATEGY_SYNTAX. */
export function choicesOf(texts: Readonly<Partial<Record<Kind, string>>>): { [Each in Kind]?: WrittenChoice } {
  const choices = kinds.flatMap((kind) => (texts[kind] === undefined ? [] : [[kind, choiceOf(texts[kind])] as const]))
  return Object.fromEntries(choices)
}
