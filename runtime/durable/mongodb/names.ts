import { createHash } from 'node:crypto'

/** The store's own collections begin so; a name that was given never does, since its dot is escaped. */
export const ownPrefix = 'flame.'

/** MongoDB's limit on `database.collection` is 255 bytes, of which the database has at most 63. */
const longestCollection = 180

/** Collection of the database for a collection of the store: its own name where that is plain, else one with escapes. */
export function collectionName(name: string): string {
  const escaped = Array.from(name, (character) =>
    /[\w-]/.test(character) ? character : encodeURIComponent(character).replace(/^[^%].*/, hex),
  ).join('')
  if (escaped.length <= longestCollection) return escaped
  // No escape begins with an h.
  return `%hash-${createHash('sha256').update(name).digest('hex')}`
}

/** Name of a top-level field in the database; the store's own begin with an underscore. */
export function topFieldName(name: string): string {
  return name.startsWith('_') ? `%5F${escapeField(name.slice(1))}` : fieldName(name)
}

export function fieldName(name: string): string {
  return name === '' ? '%' : escapeField(name)
}

/** The name that `topFieldName` or `fieldName` was given. */
export function givenName(field: string): string {
  if (field === '%') return ''
  return field.replaceAll(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}

/** Numbers in ids, so that they sort as numbers do. */
export function padded(number: number): string {
  return String(number).padStart(16, '0')
}

/** Ids that begin with this and a dot. */
export function under(prefix: string): { readonly $gte: string; readonly $lt: string } {
  // The slash follows the dot.
  return { $gte: `${prefix}.`, $lt: `${prefix}/` }
}

/**
 * Dots and dollars have a meaning in queries, and a name in BSON ends at its first zero. The driver takes a name that every
 * object inherits, such as toString, for one whose list it was told to leave undecoded, and an object with a field _bsontype
 * for a value of its own.
 */
function escapeField(name: string): string {
  const escaped = name.replaceAll(/[%.$\0]/g, hex)
  const hasMeaning = escaped in Object.prototype || escaped === '_bsontype'
  return hasMeaning ? `${hex(escaped.charAt(0))}${escaped.slice(1)}` : escaped
}

function hex(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
