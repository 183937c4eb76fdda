type Json = Readonly<Record<string, unknown>>

/**
 * Says in a schema what clients written in Go may send for a field that is unset, and what therefore is one that is absent:
 * null, and the zero value of its type. Free-form maps are left as they are.
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
