import { columnsOf, writeColumns } from '../../../learn/columns.ts'
import { partyError } from './party-errors.ts'
import type { PartyModel } from './party-model.ts'

/**
 * Puts the values of all parties side by side: the label holder's own, then those of the feature holders, sorted by end.
 * With `last`, keeps the last values of each entity, and takes them for absent holders in place of zeros.
 */
export function valuesJoiner(
  names: readonly string[],
  model: Pick<PartyModel, 'outputs'>,
  common: number,
  last: Record<string, Float32Array> | undefined,
) {
  const widths = ['', ...names].map((_, party) => model.outputs(party))
  const starts = widths.map((_, party) => widths.slice(0, party).reduce((sum, width) => sum + width, 0))
  const width = widths.reduce((sum, one) => sum + one, 0)
  const placeOf = (end: string) => {
    const party = names.indexOf(end) + 1
    return { start: starts[party] ?? 0, count: widths[party] ?? 0 }
  }

  return {
    /** @throws ROLE_PARTY_VALUES for values of another number, or that aren't finite. */
    joined(
      own: Float32Array,
      found: ReadonlyMap<string, Float32Array>,
      { batch, round, rows }: { readonly batch: number; readonly round: number; readonly rows: Uint32Array },
    ): Float32Array {
      const joined = new Float32Array(rows.length * width)
      writeColumns(joined, width, 0, own, widths[0] ?? 0)
      for (const end of names) {
        const columns = placeOf(end)
        const values = found.get(end)
        if (values && (values.length !== rows.length * columns.count || !values.every(Number.isFinite))) {
          const fault = `values that are not ${rows.length * columns.count} finite numbers, for batch ${batch} of round ${round}`
          throw partyError('ROLE_PARTY_VALUES', { end, fault })
        }
        if (values) writeColumns(joined, width, columns.start, values, columns.count)
        if (!last) continue
        const table = (last[end] ??= new Float32Array(common * columns.count))
        for (const [place, row] of rows.entries()) {
          const kept = table.subarray(row * columns.count, (row + 1) * columns.count)
          if (values) kept.set(values.subarray(place * columns.count, (place + 1) * columns.count))
          else joined.set(kept, place * width + columns.start)
        }
      }
      return joined
    },
    /** A party's columns of the gradient. The label holder's for an end that is no feature holder. */
    gradientOf(end: string, gradient: Float32Array): Float32Array {
      const { start, count } = placeOf(end)
      return columnsOf(gradient, width, start, count)
    },
  }
}
