import type { Page } from '../../actors/index.ts'

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
