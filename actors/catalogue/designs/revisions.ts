import type { Revisions } from '../../records/record-models.ts'
import type { RequestContext } from '../../requests/reply.ts'

/** Whether this request itself has made the last revision, before a crash. */
export function isMade({ once }: Revisions, context: RequestContext | undefined): boolean {
  return once !== undefined && once === context?.once
}

/** What the revision that a request makes is known by, if the request may come again. */
export function onceOf(context: RequestContext | undefined): { readonly once?: string } {
  return context?.once === undefined ? {} : { once: context.once }
}
