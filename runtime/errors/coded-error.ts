/** One row of a layer's table of errors: a message with {names} of values, and the advice to the reader. */
export interface ErrorEntry {
  readonly message: string
  readonly hint: string
}

/** An error that code tells apart by `code` and a person understands by `message` and `hint`. */
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

/** An error as it travels between threads, processes and nodes, where a class would lose its fields. */
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

/** Causes below an error that travel with the error, one below the other: an error may be its own cause. */
const mostCauses = 10
/** Characters of each text: a longer text is cut, since an error is kept among events and read by people. */
const mostCharacters = 10_000
/** Values of a coded error; further ones are left out. */
const mostValues = 100

/** Packs whatever was thrown. Never throws itself, whatever the getters of the error do. */
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

/** Tells a coded error by its fields, since a workload may have been loaded with its own copy of the class. */
function isCoded(error: Error): error is CodedError {
  return (
    error instanceof CodedError ||
    ('code' in error &&
      typeof error.code === 'string' &&
      'hint' in error &&
      typeof error.hint === 'string' &&
      'values' in error &&
      typeof error.values === 'object' &&
      error.values !== null)
  )
}

/** Values other than numbers, truth values and texts travel as text. */
function packedValues(values: Readonly<Record<string, unknown>>): Record<string, PackedValue> {
  return Object.fromEntries(
    Object.entries(values)
      .slice(0, mostValues)
      .map(([name, value]) => [name, typeof value === 'number' || typeof value === 'boolean' ? value : textOf(value)]),
  )
}

function textOf(value: unknown): string {
  try {
    return String(value).slice(0, mostCharacters)
  } catch {
    return 'a value that has no text'
  }
}

/** The error that was packed, with its code, hint, values and causes; its class is CodedError or Error. */
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
 * Reads a packed error that another process sent, which may be anything: undefined if a field has another type. Texts,
 * values and causes beyond the bounds of `packError` are left out, and so is every further field.
 */
export function decodePackedError(value: unknown, causes = mostCauses): PackedError | undefined {
  const { name, message, stack, coded, cause } = fieldsOf(value)
  if (typeof name !== 'string' || typeof message !== 'string') return undefined
  if (stack !== undefined && typeof stack !== 'string') return undefined
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
  if (typeof code !== 'string' || typeof hint !== 'string') return undefined
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return undefined
  const isPacked = Object.values(values).every((given) => ['string', 'number', 'boolean'].includes(typeof given))
  return isPacked ? { code: textOf(code), hint: textOf(hint), values: packedValues(fieldsOf(values)) } : undefined
}

/** The own fields of a plain object; none of anything else. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {}
}
