import { z } from 'zod'
import { CodedError } from '../../runtime/index.ts'
import { type Algorithm, algorithms, catalogue, fedAvg, fedBuff } from '../../sdk/index.ts'
import type { KnownAlgorithm } from '../../sdk/strategy/define-algorithm.ts'
import { account } from './account-cases.ts'
import { buffered } from './buffer-cases.ts'
import { CaseError, requireOnly, type VectorCase } from './cases.ts'
import { balanced, selection } from './selector-cases.ts'
import { aggregate, corrections, norm, privateRounds, server } from './server-cases.ts'
import { clientDelta, compress } from './stage-cases.ts'
import { topologyRunners } from './topology-cases.ts'
import { client, groups, job, pull, pulls } from './training-cases.ts'

/** The outcome of a case. */
export type Outcome = { readonly result: 'passed' } | { readonly result: 'failed' | 'unknown'; readonly why: string }

/** Settings of the learner and of the case itself, besides the algorithm's. */
const surroundings = [
  ...['model', 'inputs', 'outputs', 'loss', 'layout', 'batch'],
  ...['hidden', 'weightDecay', 'learningRate', 'epochs', 'momentum', 'solver', 'population', 'localSteps', 'start'],
]

type Runner = (given: VectorCase, algorithm: Algorithm) => Promise<Record<string, unknown>>

const runners: Readonly<Record<string, Runner>> = {
  server,
  async: buffered,
  aggregate,
  client,
  job,
  term,
  compress,
  privacy,
}

interface Definition extends Pick<KnownAlgorithm, 'settings'> {
  from(given: Readonly<Record<string, unknown>>): Algorithm
}

/** FedBuff by the names that cases of two levels have for the sizes of buffers. */
const bufferedBelow: Definition = {
  settings: {
    middleAggGoal: fedBuff.settings.bufferSize,
    topAggGoal: fedBuff.settings.bufferSize,
    ...fedBuff.settings,
  },
  from: ({ middleAggGoal, topAggGoal, ...given }) =>
    fedBuff.from({ ...given, middleBufferSize: middleAggGoal, bufferSize: topAggGoal }),
}

/** An algorithm, or FedAvg with an entry of another kind. */
function definitionOf(name: string): Definition | undefined {
  if (name === 'fedbuff-hierarchical') return bufferedBelow
  const entry = [...catalogue.stages, ...catalogue.privacy].find((each) => each.name === name || each.alias === name)
  const applied = entry && {
    settings: entry.settings,
    from: (given: Readonly<Record<string, unknown>>) => entry.apply(fedAvg({ weighting: 'equal' }), given),
  }
  return algorithms.find((each) => each.name === name || each.alias === name) ?? applied
}

/** Runs a case through the parts that a job's roles call, and compares the results with the expected values. */
export async function runCase(given: VectorCase): Promise<Outcome> {
  if (given.kind === 'account') return outcomeOf(given, account(given))
  if (given.kind === 'selector') return outcomeOf(given, selection(given))
  if (given.kind === 'sampler') return checked(async () => outcomeOf(given, balanced(given)))
  if (given.kind === 'topology') return topologyOutcome(given)
  return checked(() => algorithmOutcome(given))
}

async function topologyOutcome(given: VectorCase): Promise<Outcome> {
  const runner = Object.hasOwn(topologyRunners, given.algorithm) ? topologyRunners[given.algorithm] : undefined
  if (!runner) return { result: 'unknown', why: `nothing runs cases of the topology ${given.algorithm}` }
  return checked(async () => outcomeOf(given, await runner(given)))
}

async function algorithmOutcome(given: VectorCase): Promise<Outcome> {
  const definition = definitionOf(given.algorithm)
  if (!definition) return { result: 'unknown', why: `there is no algorithm ${given.algorithm}` }
  const runner = Object.hasOwn(runners, given.kind) ? runners[given.kind] : undefined
  if (!runner) return { result: 'unknown', why: `nothing runs cases of the kind ${given.kind}` }
  const algorithm = definition.from(settingsFor(definition, given))
  requireOnly(given, 'solver', 'sgd')
  requireOnly(given, 'start', 'mean')
  // Only in cases of these kinds clients train; elsewhere the settings of steps matter to few algorithms.
  if (runner !== client && runner !== job && !algorithm.client.needs?.includes('sgd')) requireOnly(given, 'momentum', 0)
  return outcomeOf(given, await runner(given, algorithm))
}

/** The outcome, or the fault of a case that can't be run. */
async function checked(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run()
  } catch (cause) {
    if (cause instanceof z.ZodError) return { result: 'failed', why: `its inputs are malformed: ${shortly(cause)}` }
    if (!(cause instanceof CodedError || cause instanceof CaseError)) throw cause
    return { result: 'failed', why: cause.message }
  }
}

function outcomeOf(given: VectorCase, found: Readonly<Record<string, unknown>>): Outcome {
  const difference = differenceFrom(given, found)
  return difference === undefined ? { result: 'passed' } : { result: 'failed', why: difference }
}

function shortly({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
}

/**
 * The case's settings without those of the learner and the case. The algorithm refuses settings that it doesn't know.
 */
function settingsFor({ settings: table }: Definition, { settings }: VectorCase): Record<string, unknown> {
  const isOwn = (name: string) => Object.hasOwn(table, name) || Object.values(table).some(({ kwarg }) => kwarg === name)
  const kept = Object.entries(settings).filter(([name]) => isOwn(name) || !surroundings.includes(name))
  const off = table.errorFeedback && settings.errorFeedback === undefined ? [['errorFeedback', 'off']] : []
  return Object.fromEntries([...off, ...kept.map(([name, value]) => [name, value === true ? 'on' : value])])
}

async function term(given: VectorCase, algorithm: Algorithm) {
  if ('steps' in given.inputs) return norm(given, algorithm)
  if ('logits' in given.inputs) return groups(given, algorithm)
  if ('at' in given.inputs) return pull(given, algorithm)
  return algorithm.name === 'scaffold' ? corrections(given, algorithm) : pulls(given, algorithm)
}

async function privacy(given: VectorCase, algorithm: Algorithm) {
  return 'delta' in given.inputs ? clientDelta(given, algorithm) : privateRounds(given, algorithm)
}

/** The first difference from the expected values. A name without expected values counts as a difference. */
function differenceFrom(given: VectorCase, found: Readonly<Record<string, unknown>>): string | undefined {
  const names = Object.entries(given.expected)
  const vague = names.find(([, expected]) => [expected].flat(Number.POSITIVE_INFINITY).length === 0)
  if (vague) return `${vague[0]}: no value is expected`
  if (names.length === 0) return 'no value is expected'
  return names
    .map(([name, expected]) => differenceOf(name, expected, found[name], given))
    .find((each) => each !== undefined)
}

/**
 * The path of a value that differs from the expected value by more than the case's tolerance; undefined if there is
 * none.
 */
function differenceOf(path: string, expected: unknown, found: unknown, given: VectorCase): string | undefined {
  if (Array.isArray(expected)) {
    const list: readonly unknown[] = expected
    if (!Array.isArray(found) || found.length !== list.length)
      return `${path}: expected ${list.length} values, found ${Array.isArray(found) ? found.length : 'none'}`
    return list.map((each, i) => differenceOf(`${path}.${i}`, each, found[i], given)).find((each) => each !== undefined)
  }
  if (typeof expected === 'object' && expected !== null) {
    const fields = new Map<string, unknown>(Object.entries(Object(found)))
    return Object.entries(expected)
      .map(([name, each]) => differenceOf(`${path}.${name}`, each, fields.get(name), given))
      .find((each) => each !== undefined)
  }
  const { tolerance, relative = false } = given
  const isNear =
    typeof expected === 'number' && typeof found === 'number'
      ? Math.abs(expected - found) <= tolerance * (relative ? Math.abs(expected) : 1)
      : expected === found
  return isNear ? undefined : `${path}: expected ${String(expected)}, found ${String(found)}`
}
