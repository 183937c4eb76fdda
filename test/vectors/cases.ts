import { readFile } from 'node:fs/promises'
import { z } from 'zod'

const array = z.array(z.number())

const vectorCase = z.looseObject({
  id: z.string(),
  algorithm: z.string(),
  kind: z.string(),
  settings: z.record(z.string(), z.unknown()),
  inputs: z.record(z.string(), z.unknown()),
  expected: z.record(z.string(), z.unknown()),
  tolerance: z.number().min(0),
  relative: z.boolean().optional(),
})
export type VectorCase = z.output<typeof vectorCase>

const update = z.object({
  end: z.string(),
  delta: array,
  samples: z.number().default(1),
  control: array.optional(),
  steps: z.number().optional(),
  loss: z.number().optional(),
  version: z.number().optional(),
})
export type GivenUpdate = z.output<typeof update>

const data = z.object({ x: z.array(array), y: array })
export type GivenData = z.output<typeof data>

/** The inputs of each kind of case that can be run. */
export const inputs = {
  server: z.object({ weights: array, rounds: z.array(z.object({ updates: z.array(update) })) }),
  async: z.object({
    weights: array,
    rounds: z.array(z.object({ version: z.number(), updates: z.array(update.required({ version: true })) })),
  }),
  arrivals: z.object({
    weights: array,
    arrivals: z.array(z.object({ end: z.string(), weights: array, version: z.number() })),
  }),
  buffers: z.object({
    weights: array,
    rounds: z.array(
      z.object({
        version: z.number(),
        arrivals: z.array(
          z.object({ end: z.string(), version: z.number(), updates: z.array(update.required({ version: true })) }),
        ),
      }),
    ),
  }),
  staleness: z.object({ tau: array }),
  parts: z.object({ values: z.number() }),
  aggregate: z.object({
    weights: array.optional(),
    updates: z.array(update).optional(),
    /** The delta of the server's own training, the same in each round or one for each. */
    root: array.optional(),
    rounds: z.array(z.object({ updates: z.array(update), root: array.optional() })).optional(),
  }),
  compress: z.object({
    delta: array.optional(),
    uniform: array.optional(),
    rounds: z.array(z.object({ delta: array })).optional(),
  }),
  delta: z.object({ delta: array }),
  orders: z.object({ orders: array.optional() }),
  client: z.object({
    weights: array.optional(),
    rounds: z.array(z.object({ weights: array, control: array.optional() })).optional(),
    /** The own state of a client: values of its personal head, or its last local model. */
    head: array.optional(),
    previous: array.optional(),
    data,
  }),
  job: z.object({
    weights: array,
    clients: z.array(data.extend({ end: z.string() })),
    selected: z.array(z.array(z.string())),
  }),
  split: z.object({ clients: z.array(data.extend({ end: z.string() })), bottom: array, top: array }),
  groups: z.object({
    logits: z.array(array),
    labels: array,
    groups: array,
    global: z.record(z.string(), z.number()),
  }),
  locals: z.object({
    locals: z.array(
      z.looseObject({ end: z.string(), samples: z.number() }).catchall(z.union([z.string(), z.number()])),
    ),
  }),
  pull: z.object({ weights: array, at: array }),
  pulls: z.object({ rounds: z.array(z.object({ weights: array, at: array })) }),
  norm: z.object({ steps: z.number() }),
  control: z.object({ rounds: z.array(z.object({ weights: array, control: array, trained: array })) }),
}

/** Reads and checks a file of cases. Throws an error that names the file and its faults. */
export async function readCases(file: string): Promise<VectorCase[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`${file} can't be read`, { cause })
  })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new Error(`${file} is no JSON: ${cause instanceof Error ? cause.message : cause}`, { cause })
  }
  const parsed = z.array(vectorCase).min(1).safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`${file} is no list of cases: at ${issue?.path.join('.') || 'its top'}, ${issue?.message}`)
}

/** An error of a case that can't be run; the message tells the reason. */
export class CaseError extends Error {}

export function numberOf({ settings }: VectorCase, name: string, otherwise?: number): number {
  const value = settings[name] ?? otherwise
  if (typeof value === 'number') return value
  throw new CaseError(`its setting ${name} is ${JSON.stringify(value)}: expected a number`)
}

/** Throws if a setting has another value than the only one that can be run. */
export function requireOnly({ settings }: VectorCase, name: string, only: string | number): void {
  const value = settings[name] ?? only
  if (value !== only) throw new CaseError(`its setting ${name} is ${JSON.stringify(value)}: only ${only} can be run`)
}

/** Throws if a name occurs twice. */
export function requireDistinct(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) throw new CaseError(`${twice} comes twice`)
}
