export { CodedError, type ErrorEntry, errorFactory } from './coded-error.ts'
