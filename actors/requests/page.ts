/** The part of a list that a caller asks for. */
export interface PageRequest {
  /** Most items. 0 or absent: `pageMaximum`. */
  readonly limit?: number
  /** Begin after this id. */
  readonly after?: string
}

export interface Page<Item> {
  readonly items: readonly Item[]
  /** The id after which the list goes on; absent at its end. */
  readonly next?: string
}

/** Most items of a page. */
export const pageMaximum = 1000

/** Most bytes of a page's items, as JSON. A single item may be larger: items from before the bounds may be. */
const pageBytes = 4 * 1024 * 1024

/** The beginning of a page, as an option of `find`. */
export function afterOf({ after }: PageRequest): { readonly after?: string } {
  return after === undefined ? {} : { after }
}

/**
 * Takes a page from a list, up to the limits of items and bytes. `idOf` gives an entry's id, after which the next page
 * begins.
 */
export async function pageOf<Entry, Item>(
  entries: AsyncIterable<Entry> | Iterable<Entry>,
  { limit = 0 }: PageRequest,
  idOf: (entry: Entry) => string,
  item: (entry: Entry) => Item,
): Promise<Page<Item>> {
  const size = limit > 0 ? Math.min(limit, pageMaximum) : pageMaximum
  const items: Item[] = []
  let last = ''
  let bytes = 0
  for await (const entry of entries) {
    const made = item(entry)
    bytes += Buffer.byteLength(JSON.stringify(made))
    if (items.length === size || (items.length > 0 && bytes > pageBytes)) return { items, next: last }
    items.push(made)
    last = idOf(entry)
  }
  return { items }
}
