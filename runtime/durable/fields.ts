import { storeError } from './errors.ts'
import type { DocumentFields, DocumentValue } from './store.ts'

/** A copy of a document's fields, as every store keeps them. STORE_VALUE names what is no plain JSON; −0 becomes 0. */
export function copyFields(fields: DocumentFields): DocumentFields {
  return copyObject(fields, 'fields', [])
}

function copyObject(object: object, place: string, within: readonly object[]): DocumentFields {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== null && prototype !== Object.prototype) throw refused(place, 'an instance of a class')
  return Object.fromEntries(
    Object.entries(object).map(([name, value]: [string, unknown]) => {
      if (name === '__proto__') throw refused(place, 'a field named __proto__')
      return [name, copyValue(value, `${place}.${name}`, [...within, object])]
    }),
  )
}

function copyValue(value: unknown, place: string, within: readonly object[]): DocumentValue {
  switch (typeof value) {
    case 'string':
      if (/\p{Surrogate}/u.test(value)) throw refused(place, 'a string with half of a surrogate pair')
      return value
    case 'boolean':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw refused(place, String(value))
      return value === 0 ? 0 : value
    case 'object':
      if (value === null) return value
      if (within.includes(value)) throw refused(place, 'a cycle')
      if (Array.isArray(value))
        return Array.from(value, (item: unknown, index) => copyValue(item, `${place}[${index}]`, [...within, value]))
      return copyObject(value, place, within)
    default:
      throw refused(place, typeof value)
  }
}

function refused(place: string, found: string): Error {
  return storeError('STORE_VALUE', { place, found })
}
