export { CodedError, type ErrorEntry, errorFactory } from './coded-error.ts'
export * from './file-reason.ts'
export { knownNames, nearest } from './known-names.ts'
export { mostCauses, type PackedError, packError, unpackError } from './packed-error.ts'
