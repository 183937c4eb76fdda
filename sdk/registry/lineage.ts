import { z } from 'zod'
import { registryError } from './errors.ts'
import type { CountedWork, Lineage } from './registry.ts'

const value = z.union([z.string(), z.number(), z.boolean()])
const countedWork: z.ZodType<CountedWork> = z.object({
  end: z.string(),
  dispatch: z.number(),
  version: z.number(),
  buffer: z.array(z.lazy(() => countedWork)).exactOptional(),
})
const metric = z.union([
  z.number(),
  // JSON has no numbers that aren't finite. Older versions wrote null for them, which says too little.
  z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number),
  z.null(),
])
const lineageSchema = z.object({
  job: z.string(),
  workload: z.string(),
  seed: z.number(),
  round: z.number(),
  part: z.string().exactOptional(),
  createdAt: z.string().exactOptional(),
  metrics: z.record(z.string(), metric),
  members: z.array(z.string()),
  arrivals: z.array(countedWork).exactOptional(),
  design: z.string().exactOptional(),
  algorithm: z.object({ name: z.string(), settings: z.record(z.string(), value) }).exactOptional(),
  arithmetic: z
    .object({
      quantumBits: z.record(z.string(), z.number()),
      engine: z.string().exactOptional(),
      products: z.enum(['plain', 'fused']).exactOptional(),
    })
    .exactOptional(),
  privacy: z.object({ epsilon: z.number(), delta: z.number() }).exactOptional(),
  digests: z.record(z.string(), z.string()).exactOptional(),
  hash: z.string(),
})

/**
 * Reads a `round.json`. A metric of null is left out.
 *
 * @throws REGISTRY_DAMAGED with the place and the faulty field.
 */
export function decodeLineage(text: string, location: string): Lineage {
  const damaged = (found: string, cause: unknown) =>
    registryError('REGISTRY_DAMAGED', { location, found: `round.json ${found}` }, { cause })
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw damaged('is no JSON', cause)
  }
  const { data, error } = lineageSchema.safeParse(parsed)
  if (!data) {
    const fields = error.issues.map(({ path, message }) => `${path.join('.') || 'all'} (${message})`)
    throw damaged(`lacks a field: ${fields.join(', ')}`, error)
  }
  const metrics = Object.entries(data.metrics).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  )
  return { ...data, metrics: Object.fromEntries(metrics) }
}
