import { z } from 'zod'
import { identifier, models, text } from './atoms.ts'

export const datasetInfo = z.strictObject({
  url: text.min(1),
  dataFormat: text.min(1),
  /** Path of regions ending in a compute; `default` is anywhere. */
  realm: text.min(1),
  id: identifier.exactOptional(),
  userId: text.exactOptional(),
  name: text.exactOptional(),
  description: text.exactOptional(),
  computeId: text.exactOptional(),
  isPublic: z.boolean().exactOptional(),
})
models.add(datasetInfo, { id: 'DatasetInfo' })
export type DatasetInfo = z.output<typeof datasetInfo>
