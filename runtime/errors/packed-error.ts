import { CodedError } from './coded-error.ts'

/** An error as it travels between threads and processes, where a class would lose its fields. */
export interface PackedError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly coded?: { readonly code: string; readonly hint: string; readonly values: Readonly<Record<string, string>> }
  readonly cause?: PackedError
}

/** Causes below an error that travel with it, one below the other: an error may be its own cause. */
export const mostCauses = 10

export function packError(error: unknown, causes = mostCauses): PackedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message, stack, cause } = error
  return {
    name,
    message,
    ...(stack !== undefined && { stack }),
    ...(isCoded(error) && { coded: { code: error.code, hint: error.hint, values: mapValues(error.values) } }),
    ...(cause !== undefined && causes > 0 && { cause: packError(cause, causes - 1) }),
  }
}

/** By its fields, since a workload may have been loaded with its own copy of the class. */
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

/** As text, since a value of any kind may not be cloneable. */
function mapValues(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))
}
