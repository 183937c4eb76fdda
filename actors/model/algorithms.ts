import { z } from 'zod'
import { CodedError } from '../../runtime/index.ts'
import {
  arithmetics,
  type ChoiceFault,
  choiceFaults,
  chosenAlgorithm,
  countOf,
  fedAvg,
  fedBuff,
  fittingTopologies,
  kinds,
  type Schema,
  topologyMisfit,
  updatesMisfit,
  verticalTraining,
} from '../../sdk/index.ts'
import type { PlacedFault } from './errors.ts'
import { expectation, type FoundFaults, foundFaults, notedPlace, noteIssue, shown } from './faults.ts'
import type { JobSpecification, ModelSpec } from './job.ts'

const positive = z.number().positive()
const notNegative = z.number().nonnegative()
const count = z.number().int().positive()

/** Hyperparameters that are known everywhere. Other hyperparameters go to the roles unchecked. */
const hyperparameters = z
  .looseObject({
    rounds: count,
    epochs: count,
    batchSize: count,
    learningRate: positive,
    weightDecay: notNegative,
    aggGoal: count,
    concurrency: count,
    arithmetic: z.enum(arithmetics),
  })
  .partial()

/** Finds the faults of a job's algorithms and hyperparameters. */
export function modelSpecFaults(spec: ModelSpec = {}): FoundFaults {
  const { hyperparameters: given = {} } = spec
  const place = ['modelSpec', 'hyperparameters']
  const found = foundFaults()
  for (const fault of choiceFaults(spec)) noteChoice(fault, spec, found)
  noteMisfits(hyperparameters, given, place, found)
  noteComments(given, place, found)
  return found
}

/** Notes comments (fields named `//`) among free settings: only files may have comments, bodies may not. */
function noteComments(value: unknown, place: readonly string[], found: FoundFaults): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, field] of Object.entries(value)) {
    const at = [...place, name]
    if (name !== '//' || Array.isArray(value)) noteComments(field, at, found)
    else found.note(() => ({ code: 'FIELD_UNKNOWN', place: at.join('.'), message: 'there is no field //' }))
  }
}

/**
 * Finds the faults of a job whose tasks this system's roles would run: choices that don't go together, or don't fit the
 * topology, and an algorithm that needs more updates than the job has trainers. Where the job names no algorithm, only
 * the workload knows its algorithm: then only faults are found that the job would have with any algorithm. The workload
 * may select fewer trainers than is assumed here.
 */
export function runFaults(
  { modelSpec: spec = {}, dataSpec = [] }: Pick<JobSpecification, 'modelSpec' | 'dataSpec'>,
  schema: Schema,
): PlacedFault[] {
  const isNamed = spec.optimizer !== undefined && spec.optimizer.sort !== 'default'
  if (!isNamed && kinds.every((kind) => spec[kind] === undefined || kind === 'optimizer')) return []
  try {
    const algorithm = isNamed ? chosenAlgorithm(fedAvg(), spec) : withAnyAlgorithm(spec, schema)
    const topology = topologyMisfit(algorithm, schema)
    if (topology !== undefined) {
      const fitting = fittingTopologies(algorithm).join(', ')
      const hint = `choose a topology on which it runs, such as ${fitting}, or another optimizer`
      const place = isNamed ? 'modelSpec.optimizer.sort' : 'modelSpec'
      return [{ code: 'ALGORITHM_TOPOLOGY', place, message: topology, hint }]
    }
    if (!isNamed) return []
    const entries = dataSpec.flatMap(({ datasetGroups = {} }) => Object.values(datasetGroups).flat())
    const trainers = entries.reduce((sum, entry) => sum + countOf(entry), 0)
    const updates = updatesMisfit(algorithm, schema, trainers)
    if (updates === undefined) return []
    const hint = 'let the job have more datasets, or choose settings or an optimizer that need fewer updates'
    return [{ code: 'ALGORITHM_CLIENTS', place: 'modelSpec.optimizer', message: updates, hint }]
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    const { message, hint } = cause
    return [{ code: 'ALGORITHM_MISFIT', place: 'modelSpec', message, hint }]
  }
}

/** The choices with an algorithm that they fit, if there is one: for parties, of rounds, or with a buffer. */
function withAnyAlgorithm(spec: ModelSpec, schema: Schema) {
  const ofParties = verticalTraining()
  if (topologyMisfit(ofParties, schema) === undefined) return chosenAlgorithm(ofParties, spec)
  try {
    return chosenAlgorithm(fedAvg(), spec)
  } catch (cause) {
    if (!(cause instanceof CodedError)) throw cause
    return chosenAlgorithm(fedBuff(), spec)
  }
}

function noteChoice(fault: ChoiceFault, spec: ModelSpec, found: FoundFaults): void {
  const { kind, name } = fault
  const isHyperparameter =
    !Object.hasOwn(spec[kind]?.kwargs ?? {}, name) && Object.hasOwn(spec.hyperparameters ?? {}, name)
  const at = isHyperparameter ? ['modelSpec', 'hyperparameters', name] : ['modelSpec', kind, 'kwargs', name]
  found.note(() => {
    const place = notedPlace(at)
    switch (fault.problem) {
      case 'sort': {
        const message = `${name.slice(0, 100)} is no ${kind}; there are ${fault.expected}`
        return { code: 'ALGORITHM_UNKNOWN', place: `modelSpec.${kind}.sort`, message, hint: 'name one of these' }
      }
      case 'text': {
        const message = `${name.slice(0, 100)}: ${fault.expected}`
        return { code: 'ALGORITHM_UNKNOWN', place: `modelSpec.${kind}.sort`, message, hint: 'correct this part' }
      }
      case 'unknown':
        return {
          code: 'FIELD_UNKNOWN',
          place,
          message: `${spec[kind]?.sort} has no setting ${name.slice(0, 100)}; it has ${fault.expected}`,
        }
      case 'missing':
        return { code: 'FIELD_REQUIRED', place, message: `this field is required: ${fault.expected}` }
      case 'range':
        return { code: 'FIELD_INVALID', place, message: `expected ${fault.expected}, got ${shown(fault.came)}` }
    }
  })
}

function noteMisfits(model: z.ZodType, value: unknown, place: readonly string[], found: FoundFaults): void {
  const { error } = model.safeParse(value, { error: expectation })
  for (const issue of error?.issues ?? []) noteIssue(found, issue, value, place)
}
