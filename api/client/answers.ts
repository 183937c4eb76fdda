import type { Page } from '../../actors/index.ts'
import { CodedError } from '../../runtime/errors/index.ts'

/** All items of a list, page by page: `allPages((after) => client.getJobs({ user, query: { ...after } }))`. */
export async function* allPages<Item>(
  read: (after: { readonly after?: string }) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, void> {
  let next: string | undefined
  do {
    const page: Page<Item> = await read(next === undefined ? {} : { after: next })
    yield* page.items
    next = page.next
  } while (next !== undefined)
}

/** The status of the answer that an error came from; undefined if there was none. */
export function statusOf(cause: unknown): number | undefined {
  const status = cause instanceof CodedError ? cause.values.status : undefined
  return typeof status === 'number' ? status : undefined
}
