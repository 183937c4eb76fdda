export {
  CodedError,
  decodePackedError,
  type ErrorEntry,
  errorFactory,
  type PackedError,
  packError,
  unpackError,
} from './coded-error.ts'
export * from './file-reason.ts'
export { knownNames, nearest } from './known-names.ts'
