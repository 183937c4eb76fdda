import { z } from 'zod'
import { models } from './atoms.ts'

/** Has defaults, since decoding an answer removes zeros. */
const used = z
  .strictObject({ used: z.number().int().default(0), most: z.number().int().exactOptional() })
  .default({ used: 0 })

/** The number of a user's things, and the user's quotas. */
export const usageReport = z.strictObject({
  designs: used,
  revisions: used,
  bytes: used,
  datasets: used,
  jobs: used,
  tasks: used,
  keys: used,
})
models.add(usageReport, { id: 'Usage' })
export type UsageReport = z.output<typeof usageReport>
