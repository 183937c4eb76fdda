type Json = Readonly<Record<string, unknown>>

/**
 * Lets a schema accept the values that clients written in Go send for an unset field: null, and the zero value of the field's
 * type. The server takes both as absent. Free-form maps stay as they are.
 */
export function withZeroValues(schema: Json): Json {
  const { properties, required = [], items } = schema
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name)
  return {
    ...schema,
    ...(isJson(items) ? { items: withZeroValues(items) } : {}),
    ...(isJson(properties)
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => {
              if (!isJson(property)) return [name, property]
              const described = withZeroValues(property)
              return [name, isRequired(name) ? described : orZero(described)]
            }),
          ),
        }
      : {}),
  }
}

function orZero(schema: Json): Json {
  const { description, ...rest } = schema
  const zeros = zerosOf(rest)
  // An enumeration and a plain text need no more words than these.
  return { ...(description === undefined ? {} : { description }), anyOf: [rest, ...zeros] }
}

function zerosOf({ type, properties, additionalProperties }: Json): Json[] {
  const isPlainMap = additionalProperties !== false && properties === undefined
  switch (type) {
    case 'string':
      return [{ enum: ['', null] }]
    case 'integer':
    case 'number':
      return [{ enum: [0, null] }]
    case 'object':
      return isPlainMap ? [{ type: 'null' }] : [{ type: 'object', maxProperties: 0 }, { type: 'null' }]
    default:
      return [{ type: 'null' }]
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
