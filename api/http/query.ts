import { z } from 'zod'
import { expectation, identifier, words } from '../../actors/model/index.ts'
import { apiError } from '../errors.ts'

/** A whole number, as text. */
export const count = z.string().regex(/^\d{0,9}$/, 'expected a whole number')

/** Of every list: how many, and after which id. */
export const pageQuery = z.object({
  limit: count.exactOptional().meta({ description: '0 or absent: as many as a page holds' }),
  after: identifier.exactOptional().meta({ description: 'the id after which the page begins' }),
})

export function pageOf({ limit, after }: z.output<typeof pageQuery>) {
  return { ...(limit === undefined ? {} : { limit: Number(limit) }), ...(after === undefined ? {} : { after }) }
}

/** The empty text is allowed because clients written in Go send it for an unset parameter. */
export const flag = z.enum(['true', 'false', ''])

/** Decodes queries by a model as `decodeQuery` does; the absent query, which most requests have, is decoded once. */
export function queryDecoder<Model extends z.ZodObject>(model: Model) {
  const absent = model.safeParse({})
  return (query: Readonly<Record<string, string>>): z.output<Model> =>
    absent.success && Object.keys(query).length === 0 ? absent.data : decodeQuery(model, query)
}

/** API_QUERY names every parameter that doesn't fit. Others than the model's are let be. */
export function decodeQuery<Model extends z.ZodObject>(
  model: Model,
  query: Readonly<Record<string, string>>,
): z.output<Model> {
  const decoded = model.safeParse(query, { error: expectation })
  if (decoded.success) return decoded.data
  const faults = decoded.error.issues.map((issue) => ({
    code: 'QUERY_INVALID',
    place: issue.path.join('.'),
    message: words(issue, query[String(issue.path[0])]),
  }))
  const list = faults.map(({ place, message }) => `  ${place}: ${message}`).join('\n')
  throw apiError('API_QUERY', { list, faults })
}
