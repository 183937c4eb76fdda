import { dataError } from '../errors.ts'

/** The error of a damaged file, with the place, what should be there and what is. */
export function damaged(file: string, offset: number, expected: string, came: string, cause?: unknown) {
  return dataError('DATA_DAMAGED', { file, offset, expected, came }, cause === undefined ? {} : { cause })
}

/** Bytes for a message: `0x934e`. */
export function hex(bytes: ArrayLike<number>): string {
  if (bytes.length === 0) return 'nothing, as an empty file'
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `0x${digits}${digits.startsWith('1f8b') ? ', as a gzip file, which must be unpacked first' : ''}`
}
