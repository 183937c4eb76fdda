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

/** What can be done with things of one kind: under each verb the commands of that kind. */
export type Verbs = { readonly [Name in (typeof verbs)[number]['name']]?: readonly Command[] }

export function limitOption(): Option {
  return new Option('-l, --limit <number>', 'longest list; 0 lists all').default('100')
}

/** What the server is asked for a page. */
interface PageQuery {
  readonly limit?: number
  readonly after?: string
}

/** Prints a list up to a limit, and says so if there is more. OPTION_VALUE. */
export async function printList<Item>(
  { print, warn }: CommandContext,
  limitGiven: string,
  read: (query: PageQuery) => Promise<Page<Item>>,
  listing: Listing<Item>,
): Promise<void> {
  const limit = limitOf(limitGiven)
  const items: Item[] = []
  // One more than is shown tells that there is more.
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
