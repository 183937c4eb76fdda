import { z } from 'zod'
import { expectation, type FoundFaults, foundFaults, noteIssue } from './faults.ts'
import type { Algorithm, ModelSpec } from './job.ts'

const fraction = z.number().min(0).max(1)
const positive = z.number().positive()
const notNegative = z.number().nonnegative()
const count = z.number().int().positive()
const nothing = z.strictObject({})

const serverOptimizer = z
  .strictObject({ beta_1: fraction.lt(1), beta_2: fraction.lt(1), eta: positive, tau: positive })
  .partial()

/** The algorithms that a job may name, and the settings of each. */
const known = {
  optimizer: {
    fedavg: nothing,
    fedadam: serverOptimizer,
    fedadagrad: serverOptimizer,
    fedyogi: serverOptimizer,
    fedprox: z.strictObject({ mu: notNegative }),
    fedbuff: nothing,
    feddyn: z.strictObject({ alpha: positive }),
    scaffold: z.strictObject({ k: count }),
    fedgft: z.strictObject({ fair: z.string(), gamma: notNegative, reg: z.literal('l2') }).partial(),
  },
  selector: {
    default: nothing,
    random: z.strictObject({ k: count }),
    oort: z.strictObject({ aggr_num: count }),
    fedbuff: z.strictObject({ c: count }),
  },
  datasampler: {
    default: nothing,
    fedbalancer: z
      .strictObject({ w: count, lss: positive, dss: positive, p: positive, noise_factor: notNegative })
      .partial(),
  },
  privacy: {
    default: nothing,
    dp: z.strictObject({ clip_threshold: positive, noise_factor: notNegative }).partial(),
  },
} as const satisfies Record<string, Readonly<Record<string, z.ZodType>>>

/** Those known everywhere; any other goes to the role as it is. */
const hyperparameters = z
  .looseObject({
    rounds: count,
    epochs: count,
    batchSize: count,
    learningRate: positive,
    weightDecay: notNegative,
    aggGoal: count,
    concurrency: count,
  })
  .partial()

/** Faults of a job's algorithms and hyperparameters. */
export function modelSpecFaults(spec: ModelSpec = {}): FoundFaults {
  const { optimizer, selector, datasampler, privacy, hyperparameters: given = {} } = spec
  const place = ['modelSpec', 'hyperparameters']
  const found = foundFaults()
  noteAlgorithm('optimizer', known.optimizer, optimizer, found)
  noteAlgorithm('selector', known.selector, selector, found)
  noteAlgorithm('datasampler', known.datasampler, datasampler, found)
  noteAlgorithm('privacy', known.privacy, privacy, found)
  noteMisfits(hyperparameters, given, place, found)
  noteComments(given, place, found)
  return found
}

/** Comments are for files that a command reads: what is sent has no more of them among free settings than elsewhere. */
function noteComments(value: unknown, place: readonly string[], found: FoundFaults): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, field] of Object.entries(value)) {
    const at = [...place, name]
    if (name !== '//' || Array.isArray(value)) noteComments(field, at, found)
    else found.note(() => ({ code: 'FIELD_UNKNOWN', place: at.join('.'), message: 'there is no field //' }))
  }
}

function noteAlgorithm(
  kind: string,
  sorts: Readonly<Record<string, z.ZodType>>,
  { sort, kwargs = {} }: Algorithm = { sort: 'default' },
  found: FoundFaults,
): void {
  const place = ['modelSpec', kind]
  if (kind === 'optimizer' && sort === 'default') return
  const settings = Object.hasOwn(sorts, sort) ? sorts[sort] : undefined
  if (settings) return noteMisfits(settings, kwargs, [...place, 'kwargs'], found)
  found.note(() => ({
    code: 'ALGORITHM_UNKNOWN',
    place: [...place, 'sort'].join('.'),
    message: `${sort.slice(0, 100)} is no ${kind}; there are ${Object.keys(sorts).join(', ')}`,
    hint: 'name one of these',
  }))
}

function noteMisfits(model: z.ZodType, value: unknown, place: readonly string[], found: FoundFaults): void {
  const { error } = model.safeParse(value, { error: expectation })
  for (const issue of error?.issues ?? []) noteIssue(found, issue, value, place)
}
