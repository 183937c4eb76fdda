import { errorFactory } from '../../../runtime/index.ts'

/** Errors of files and their formats, which a page does without. */
const formatErrors = {
  DATA_FILE: {
    message: 'data file {file} cannot be read: {reason}',
    hint: '{advice}',
  },
  DATA_CHANGED: {
    message: 'data file {file} was changed while it was read',
    hint: 'read the file only while nothing writes it; write a new version under another name, then rename it',
  },
  DATA_CLOSED: {
    message: 'data file {file} is closed',
    hint: 'close a file only after its last example is read',
  },
  DATA_IDX_MAGIC: {
    message: 'data file {file} must begin with {expected}, but begins with {came}',
    hint: 'give an unpacked idx file of unsigned bytes, the images first and then the labels',
  },
  DATA_IDX_SIZE: {
    message: 'data file {file} must be {expected} bytes long by its header, but is {came}',
    hint: 'the file is cut short or damaged: get the file again',
  },
  DATA_IDX_COUNT: {
    message: 'data file {file} must hold {expected}, one for each image, but holds {came}',
    hint: 'give the images and labels of the same set',
  },
  DATA_DAMAGED: {
    message: 'data file {file} is damaged at byte {offset}: expected {expected}, but found {came}',
    hint: 'get the file again, and check its format',
  },
  DATA_TYPE: {
    message: 'data file {file} holds values of type {came}, which this reader does not support',
    hint: 'save the file with one of the types {expected}',
  },
  DATA_ORDER: {
    message: "data file {file} is in Fortran order, which scatters an example's values over the file",
    hint: 'save the array with numpy.ascontiguousarray, or read the file whole instead of opening it',
  },
  DATA_MEMBER: {
    message: "data file {file} has no array '{name}'",
    hint: 'it has {known}',
  },
  DATA_LABELS: {
    message: 'data file {file} must hold {expected} in one dimension, one for each example, but has shape [{came}]',
    hint: '{advice}',
  },
  DATA_CSV: {
    message: 'data file {file}, line {line}, column {column}: {reason}',
    hint: '{advice}',
  },
  DATA_CSV_COLUMN: {
    message: 'data file {file} has {found} {column}',
    hint: '{advice}; without a header, columns are numbers from 0',
  },
  DATA_TEXT: {
    message: 'data file {file}, line {line}: the text is not {encoding}',
    hint: "save the file as UTF-8, or give its encoding, such as encoding: 'windows-1252'",
  },
} as const

export const formatError = errorFactory(formatErrors)

/** Makes DATA_DAMAGED with the offset, the expected content and the found content. */
export function damaged(file: string, offset: number, expected: string, came: string, cause?: unknown) {
  return formatError('DATA_DAMAGED', { file, offset, expected, came }, cause === undefined ? {} : { cause })
}

/** Writes bytes for a message: `0x934e`. */
export function hex(bytes: ArrayLike<number>): string {
  if (bytes.length === 0) return 'nothing, as an empty file'
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `0x${digits}${digits.startsWith('1f8b') ? ', as a gzip file, which must be unpacked first' : ''}`
}
