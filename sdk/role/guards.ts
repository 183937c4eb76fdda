export function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

/** A plain object whose field `type` is one of `types`. */
export function isOneOf<const Type extends string>(
  value: unknown,
  types: readonly Type[],
): value is { readonly type: Type } {
  return typeof value === 'object' && value !== null && 'type' in value && types.some((type) => type === value.type)
}

export function isString(value: unknown): value is string {
  return typeof value === 'string'
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** A whole number, 0 or more. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** A plain object whose fields all are numbers. */
export function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  return isObject(value) && Object.values(value).every(isNumber)
}

/** The fields of an untrusted message. Empty unless the value is an object and no array. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {}
}

/** Decodes each item of a list. Undefined if the value is no list, or if an item can't be decoded. */
export function listOf<Item>(value: unknown, decode: (item: unknown) => Item | undefined): readonly Item[] | undefined {
  if (!Array.isArray(value)) return undefined
  const items: Item[] = []
  for (const given of value) {
    const item = decode(given)
    if (item === undefined) return undefined
    items.push(item)
  }
  return items
}
