import { normal } from '../../random/distributions.ts'
import { exp } from '../../random/elementary.ts'
import type { RandomStream } from '../../random/random-stream.ts'
import { partitionError } from './errors.ts'

/**
 * How many examples a client has, drawn for each client.
 * - `100`: as many for each.
 * - `20-600`: from 20 to 600, uniformly.
 * - `lognormal:100:1`: 100·e^(1·z) with a standard normal z, so that half of the clients have 100 or fewer. Rounded, at
 *   least 1, and at most 100 times the median, so that no single client fills the memory.
 */
export type Sizes = `${number}` | `${number}-${number}` | `lognormal:${number}:${number}`

/** Draws the number of examples of one client. */
export type SizeDraw = (random: RandomStream) => number

/** Most examples of one client. */
const mostExamples = 10_000_000
const mostMedians = 100

/** @throws DATA_SIZES for a text that is no `Sizes`. */
export function sizesOf(text: string): SizeDraw {
  const [found, rest] = readSizes(text.split(':'))
  if (typeof found !== 'string' && rest.length > 0) {
    throw partitionError('DATA_SIZES', { given: text, reason: `nothing may follow, but ':${rest.join(':')}' does` })
  }
  if (typeof found === 'string') throw partitionError('DATA_SIZES', { given: text, reason: found })
  return found
}

/** Reads sizes from the beginning of some fields. Returns a draw, or what is wrong, and the fields that follow. */
export function readSizes(fields: readonly string[]): readonly [draw: SizeDraw | string, rest: readonly string[]] {
  const [first = '', ...others] = fields
  if (first !== 'lognormal') return [rangeDraw(first), others]
  const [median = '', sigma = '', ...rest] = others
  return [logNormalDraw(median, sigma), rest]
}

function rangeDraw(text: string): SizeDraw | string {
  const [, low = '', high = low] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  if (low === '') return `'${text}' is neither a number, such as 100, nor a range, such as 20-600, nor lognormal`
  const [least, most] = [Number(low), Number(high)]
  if (least < 1) return 'a client must have at least 1 example'
  if (most < least) return `the range ${text} ends below its beginning`
  if (most > mostExamples) return `a client may have at most ${mostExamples} examples`
  return (random) => least + random.below(most - least + 1)
}

function logNormalDraw(medianText: string, sigmaText: string): SizeDraw | string {
  const [median, sigma] = [positive(medianText), positive(sigmaText)]
  if (!(median >= 1 && median * mostMedians <= mostExamples))
    return `the median of lognormal must be a number from 1 to ${mostExamples / mostMedians}, but is '${medianText}'`
  if (!(sigma <= 4)) return `σ of lognormal must be a number from 0 to 4, but is '${sigmaText}'`
  return (random) => Math.max(1, Math.round(median * Math.min(exp(sigma * normal(random)), mostMedians)))
}

/** A decimal number without a sign. NaN for other texts. */
export function positive(text: string): number {
  return /^(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
}
