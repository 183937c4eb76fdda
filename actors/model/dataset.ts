import { z } from 'zod'
import { identifier, longText, models, nameText, place, text } from './atoms.ts'

export const datasetInfo = z.strictObject({
  url: place,
  dataFormat: nameText.min(1),
  /** Path of regions ending in a compute; `default` is anywhere. */
  realm: place,
  id: identifier.exactOptional(),
  userId: text.exactOptional(),
  name: nameText.exactOptional(),
  description: longText.exactOptional(),
  computeId: text.exactOptional(),
  isPublic: z.boolean().exactOptional(),
  /** Ours: administrators whose computes may have its tasks, besides the owner's own and those that the server trusts. */
  computeAdmins: z.array(nameText.min(1)).max(16).exactOptional(),
})
models.add(datasetInfo, { id: 'DatasetInfo' })
export type DatasetInfo = z.output<typeof datasetInfo>
