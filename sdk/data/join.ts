import { checkIndex } from './check-index.ts'
import { dataError } from './errors.ts'
import type { Examples } from './examples.ts'

/**
 * The examples of all sets, one set after another. Nothing is copied.
 *
 * @throws DATA_JOIN without a set, or when their shapes differ.
 */
export function join(sets: readonly Examples[]): Examples {
  const [first] = sets
  if (!first || sets.some(({ shape }) => String(shape) !== String(first.shape))) {
    throw dataError('DATA_JOIN', { shapes: sets.map(({ shape }) => `[${shape}]`).join(', ') || 'none' })
  }
  const head = first
  const ends: number[] = []
  let count = 0
  for (const set of sets) ends.push((count += set.count))

  function find(index: number): { readonly set: Examples; readonly place: number } {
    checkIndex(index, count)
    let low = 0
    let high = ends.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (index < (ends[middle] ?? 0)) high = middle
      else low = middle + 1
    }
    return { set: sets[low] ?? head, place: index - (ends[low - 1] ?? 0) }
  }
  const divisor = first.bytes?.divisor
  const allBytes = divisor !== undefined && sets.every(({ bytes }) => bytes?.divisor === divisor)
  return {
    count,
    shape: first.shape,
    bytes: allBytes
      ? {
          divisor,
          copy(index, out, offset) {
            const { set, place } = find(index)
            set.bytes?.copy(place, out, offset)
          },
        }
      : undefined,
    read(index, out, offset) {
      const { set, place } = find(index)
      set.read(place, out, offset)
    },
    label(index) {
      const { set, place } = find(index)
      return set.label(place)
    },
  }
}
