import { fieldsOf, isMissingOr, isNumber, isObject, isRecordOf, isString } from '../decoding/guards.ts'

/** One row of a layer's table of errors: a message with {names} of values, and the advice to the reader. */
export interface ErrorEntry {
  readonly message: string
  readonly hint: string
}

/** An error for code and people: code reads `code`, people read `message` and `hint`. */
export class CodedError<Code extends string = string> extends Error {
  override readonly name = 'CodedError'
  readonly code: Code
  readonly hint: string
  readonly values: Readonly<Record<string, unknown>>

  constructor(code: Code, entry: ErrorEntry, values: Readonly<Record<string, unknown>>, options?: ErrorOptions) {
    super(fill(entry.message, values), options)
    this.code = code
    this.hint = fill(entry.hint, values)
    this.values = values
  }
}

function fill(template: string, values: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]))
}

/** Makes a layer's error function from its table, which stays readable as `table`. */
export function errorFactory<Code extends string>(table: Readonly<Record<Code, ErrorEntry>>) {
  const make = <C extends Code>(
    code: C,
    values: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ): CodedError<C> => new CodedError<C>(code, table[code], values, options)
  return Object.assign(make, { table })
}

/** An error in the form that is sent between threads, processes and nodes, where a class would lose its fields. */
export interface PackedError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly coded?: {
    readonly code: string
    readonly hint: string
    readonly values: Readonly<Record<string, PackedValue>>
  }
  readonly cause?: PackedError
}

type PackedValue = string | number | boolean

/** Most causes, one below the other, that are packed with an error. A bound, since an error may be its own cause. */
const mostCauses = 10
/** Most characters of each text, since errors are kept among events and read by people. */
const mostCharacters = 10_000
/** Most values of a coded error. Further values are left out. */
const mostValues = 100

/** Packs any thrown value. Never throws, even if the error's getters do. */
export function packError(error: unknown, causes = mostCauses): PackedError {
  try {
    return error instanceof Error ? packFields(error, causes) : { name: 'Error', message: textOf(error) }
  } catch {
    return { name: 'Error', message: 'an error whose fields cannot be read' }
  }
}

function packFields(error: Error, causes: number): PackedError {
  const { stack, cause } = error
  return {
    name: textOf(error.name),
    message: textOf(error.message),
    ...(stack !== undefined && { stack: textOf(stack) }),
    ...(isCoded(error) && {
      coded: { code: textOf(error.code), hint: textOf(error.hint), values: packedValues(error.values) },
    }),
    ...(cause !== undefined && causes > 0 && { cause: packError(cause, causes - 1) }),
  }
}

/** Recognizes a coded error by its fields, since a workload may have its own copy of the class. */
function isCoded(error: Error): error is CodedError {
  return (
    error instanceof CodedError ||
    ('code' in error &&
      isString(error.code) &&
      'hint' in error &&
      isString(error.hint) &&
      'values' in error &&
      isObject(error.values))
  )
}

/** Values other than numbers, booleans and texts become texts. */
function packedValues(values: Readonly<Record<string, unknown>>): Record<string, PackedValue> {
  return Object.fromEntries(
    Object.entries(values)
      .slice(0, mostValues)
      .map(([name, value]) => [name, isPackedValue(value) && !isString(value) ? value : textOf(value)]),
  )
}

function textOf(value: unknown): string {
  try {
    return String(value).slice(0, mostCharacters)
  } catch {
    return 'a value that has no text'
  }
}

/** Restores a packed error with its code, hint, values and causes. Its class is CodedError or Error. */
export function unpackError({ name, message, stack, coded, cause }: PackedError): Error {
  const options = cause && { cause: unpackError(cause) }
  const error = coded
    ? new CodedError(
        coded.code,
        { message: '{message}', hint: '{hint}' },
        { ...coded.values, message, hint: coded.hint },
        options,
      )
    : new Error(message, options)
  if (!coded) Object.defineProperty(error, 'name', { value: name })
  if (stack !== undefined) Object.defineProperty(error, 'stack', { value: stack })
  return error
}

/**
 * Decodes an untrusted packed error. Undefined if a field has another type. Drops other fields, and whatever exceeds
 * the bounds of `packError`.
 */
export function decodePackedError(value: unknown, causes = mostCauses): PackedError | undefined {
  const { name, message, stack, coded, cause } = fieldsOf(value)
  if (!isString(name) || !isString(message) || !isMissingOr(stack, isString)) return undefined
  const decodedCoded = coded === undefined ? undefined : decodeCoded(coded)
  if (coded !== undefined && !decodedCoded) return undefined
  const decodedCause = cause === undefined || causes === 0 ? undefined : decodePackedError(cause, causes - 1)
  if (cause !== undefined && causes > 0 && !decodedCause) return undefined
  return {
    name: textOf(name),
    message: textOf(message),
    ...(stack !== undefined && { stack: textOf(stack) }),
    ...(decodedCoded && { coded: decodedCoded }),
    ...(decodedCause && { cause: decodedCause }),
  }
}

function decodeCoded(value: unknown): PackedError['coded'] {
  const { code, hint, values } = fieldsOf(value)
  if (!isString(code) || !isString(hint) || !isRecordOf(values, isPackedValue)) return undefined
  return { code: textOf(code), hint: textOf(hint), values: packedValues(values) }
}

function isPackedValue(value: unknown): value is PackedValue {
  return isString(value) || isNumber(value) || typeof value === 'boolean'
}
