import { dataError } from './errors.ts'

/** @throws DATA_INDEX unless the index is one of `count` examples'. */
export function checkIndex(index: number, count: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < count)) throw dataError('DATA_INDEX', { index, count })
}
