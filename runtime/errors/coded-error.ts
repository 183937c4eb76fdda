/** One row of a layer's table of errors: a message with {names} of values, and what the reader can do about it. */
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

/** Makes a layer's error function from its table. */
export function errorFactory<Code extends string>(table: Readonly<Record<Code, ErrorEntry>>) {
  return <C extends Code>(
    code: C,
    values: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ): CodedError<C> => new CodedError<C>(code, table[code], values, options)
}
