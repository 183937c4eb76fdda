import { type Command, Option } from 'commander'
import type { Page } from '../../actors/index.ts'
import { allPages } from '../../api/client/index.ts'
import type { CommandContext } from '../command-context.ts'
import { flamectlError } from '../errors.ts'
import type { Listing } from '../output/printer.ts'

export const verbs = [
  { name: 'create', description: 'create a thing' },
  { name: 'get', description: 'show a thing, or list things' },
  { name: 'update', description: 'change a thing' },
  { name: 'remove', description: 'remove a thing' },
  { name: 'start', description: 'start a job' },
  { name: 'stop', description: 'stop a job' },
] as const

/** The commands for things of one kind, by verb. */
export type Verbs = { readonly [Name in (typeof verbs)[number]['name']]?: readonly Command[] }

export function limitOption(): Option {
  return new Option('-l, --limit <number>', 'longest list; 0 lists all').default('100')
}

/** The query of a page of a list. */
interface PageQuery {
  readonly limit?: number
  readonly after?: string
}

/** Prints a list up to a limit, and warns if the list is longer. OPTION_VALUE. */
export async function printList<Item>(
  { print, warn }: CommandContext,
  limitGiven: string,
  read: (query: PageQuery) => Promise<Page<Item>>,
  listing: Listing<Item>,
): Promise<void> {
  const limit = limitOf(limitGiven)
  const items: Item[] = []
  // One item beyond the limit shows that the list is longer.
  const wanted = limit === 0 ? Number.POSITIVE_INFINITY : limit + 1
  for await (const item of allPages((after) => read({ ...(limit === 0 ? {} : { limit: wanted }), ...after }))) {
    items.push(item)
    if (items.length >= wanted) break
  }
  const shown = items.slice(0, wanted - 1)
  print.list(shown, listing)
  if (items.length > shown.length) warn(`there are more than ${limit}: see --limit`)
}

function limitOf(given: string): number {
  if (/^\d{1,8}$/.test(given)) return Number(given)
  throw flamectlError('OPTION_VALUE', {
    option: '--limit',
    expected: 'a whole number from 0',
    given: JSON.stringify(given),
  })
}
