import { z } from 'zod'
import { models, text } from './atoms.ts'

/** Formats in which a model is read. */
export const modelFormats = ['tfjs', 'safetensors', 'npz'] as const
export type ModelFormat = (typeof modelFormats)[number]

/** A model of a job's round, without its weights. */
export const storedModel = z.strictObject({
  round: z.number().int(),
  /** Names one of several models of the round. */
  part: text.exactOptional(),
  /** Metrics that are finite. */
  metrics: z.record(text, z.number()),
  /** SHA-256 of the weights' little-endian bytes. */
  hash: text,
  members: z.array(text).readonly(),
  /** Names by which the model may be read, too. */
  aliases: z.array(z.enum(['latest', 'best'])).readonly(),
})
models.add(storedModel, { id: 'StoredModel' })
export type StoredModel = z.output<typeof storedModel>
