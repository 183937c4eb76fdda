import { sizeOf } from '../weights/layout.ts'
import { dataError } from './errors.ts'
import { checkIndex, type Examples } from './examples.ts'

/**
 * Examples for a model with several inputs: the features of an example are those of its sets one after the other, in the
 * order of the model's inputs. Labels, targets, columns and ids are those of the first set. Copies nothing.
 *
 * @throws DATA_SIDES without a set, or where the sets have different numbers of examples.
 */
export function sideBySide(sets: readonly Examples[]): Examples {
  const [first] = sets
  if (!first || sets.some(({ count }) => count !== first.count)) {
    throw dataError('DATA_SIDES', { counts: sets.map(({ count }) => count).join(', ') || 'none' })
  }
  const sizes = sets.map(({ shape }) => sizeOf(shape))
  const { bytes: _, ...rest } = first
  return {
    ...rest,
    shape: [sizes.reduce((sum, size) => sum + size, 0)],
    read(index, out, offset) {
      checkIndex(index, first.count)
      let next = offset
      for (const [set, size] of sizes.entries()) {
        sets[set]?.read(index, out, next)
        next += size
      }
    },
  }
}
