export function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

export function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

/** A plain object whose field `type` is one of these. */
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
