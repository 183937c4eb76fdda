import { z } from 'zod'
import { schemaModel } from '../../sdk/tag/index.ts'
import { identifier, longText, models, nameText, text } from './atoms.ts'

export const designSchema = schemaModel
models.add(designSchema, { id: 'DesignSchema' })
export type DesignSchema = z.output<typeof designSchema>

export const designInfo = z.strictObject({
  id: identifier,
  name: nameText.exactOptional(),
  description: longText.exactOptional(),
  userId: text.exactOptional(),
})
models.add(designInfo, { id: 'DesignInfo' })
export type DesignInfo = z.output<typeof designInfo>

/** A change of a design, whose id the address says. */
export const designChange = z.strictObject({ ...designInfo.shape, id: identifier.exactOptional() })
models.add(designChange, { id: 'DesignChange' })
export type DesignChange = z.output<typeof designChange>

export const design = z.strictObject({ ...designInfo.shape, schema: designSchema.exactOptional() })
models.add(design, { id: 'Design' })
export type Design = z.output<typeof design>

export const codeRevision = z.strictObject({ revision: z.number().int() })
models.add(codeRevision, { id: 'CodeRevision' })
export type CodeRevision = z.output<typeof codeRevision>
