import { z } from 'zod'
import type { PlacedFault } from '../../errors.ts'
import { faultsOf } from './decode-model.ts'
import type { Algorithm, ModelSpec } from './job.ts'
import { expectation } from './plain-words.ts'

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
export function modelSpecFaults(spec: ModelSpec = {}): PlacedFault[] {
  const { optimizer, selector, datasampler, privacy } = spec
  return [
    ...algorithmFaults('optimizer', known.optimizer, optimizer),
    ...algorithmFaults('selector', known.selector, selector),
    ...algorithmFaults('datasampler', known.datasampler, datasampler),
    ...algorithmFaults('privacy', known.privacy, privacy),
    ...checked(hyperparameters, spec.hyperparameters ?? {}, ['modelSpec', 'hyperparameters']),
    ...commentsIn(spec.hyperparameters, ['modelSpec', 'hyperparameters']),
  ]
}

/** Comments are for files that a command reads: what is sent has no more of them among free settings than elsewhere. */
function commentsIn(value: unknown, place: readonly string[]): PlacedFault[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, field]: [string, unknown]) => {
    const at = [...place, name]
    if (name !== '//' || Array.isArray(value)) return commentsIn(field, at)
    return [{ code: 'FIELD_UNKNOWN', place: at.join('.'), message: 'there is no field //' }]
  })
}

function algorithmFaults(
  kind: string,
  sorts: Readonly<Record<string, z.ZodType>>,
  { sort, kwargs = {} }: Algorithm = { sort: 'default' },
): PlacedFault[] {
  const place = ['modelSpec', kind]
  if (kind === 'optimizer' && sort === 'default') return []
  const settings = Object.hasOwn(sorts, sort) ? sorts[sort] : undefined
  if (settings) return checked(settings, kwargs, [...place, 'kwargs'])
  return [
    {
      code: 'ALGORITHM_UNKNOWN',
      place: [...place, 'sort'].join('.'),
      message: `${sort} is no ${kind}; there are ${Object.keys(sorts).join(', ')}`,
      hint: 'name one of these',
    },
  ]
}

function checked(model: z.ZodType, value: unknown, place: readonly string[]): PlacedFault[] {
  const decoded = model.safeParse(value, { error: expectation })
  return decoded.success ? [] : decoded.error.issues.flatMap((issue) => faultsOf(issue, value, place))
}
