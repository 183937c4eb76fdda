/*
 * Guards of the shapes of untrusted values: messages of other nodes and processes, and what a store holds. A decoder
 * is made of these functions, and adds the bounds of its own fields.
 */

export function isString(value: unknown): value is string {
  return typeof value === 'string'
}

export function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isString)
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

/** A whole number that a number keeps exactly. */
export function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

/** A whole number, 0 or more. */
export function isCount(value: unknown): value is number {
  return isInteger(value) && value >= 0
}

/** An object of any kind, arrays among them. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** An object of any kind, whose fields are then read by name. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value)
}

/** An object, and no array, of whose fields each passes the guard. */
export function isRecordOf<Value>(
  value: unknown,
  is: (value: unknown) => value is Value,
): value is Readonly<Record<string, Value>> {
  return isObject(value) && !Array.isArray(value) && Object.values(value).every(is)
}

/** An object, and no array, whose fields all are numbers. */
export function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return isRecordOf(value, isNumber)
}

/** An object whose field `type` is one of `types`. */
export function isOneOf<const Type extends string>(
  value: unknown,
  types: readonly Type[],
): value is { readonly type: Type } {
  return isObject(value) && 'type' in value && types.some((type) => type === value.type)
}

/** Accepts a field that is absent, or passes the guard. */
export function isMissingOr<Value>(value: unknown, is: (value: unknown) => value is Value): value is Value | undefined {
  return value === undefined || is(value)
}

/** The own fields of an untrusted object. Empty for arrays, and for values that are no object. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {}
}

/** Decodes each item of a list. Undefined for other values, for more than `most` items, or if `decode` refuses one. */
export function listOf<Item>(
  value: unknown,
  decode: (item: unknown) => Item | undefined,
  most = Number.POSITIVE_INFINITY,
): readonly Item[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined
  const items: Item[] = []
  for (const given of value) {
    const item = decode(given)
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}
