import type { ActorRef, Behavior } from '../runtime/index.ts'
import { defaultArchiveLimits } from './catalogue/archive.ts'
import { computeWriter } from './catalogue/computes/compute-writer.ts'
import { settleExpansions } from './jobs/catalogue/expansions.ts'
import { roleCodes } from './jobs/catalogue/role-codes.ts'
import { taskOrders } from './jobs/catalogue/tasks.ts'
import type { CatalogueMessage, UserCommand } from './protocol.ts'
import { answerQuery } from './queries.ts'
import { collectionsOf } from './records/collections.ts'
import type { CatalogueParts } from './records/parts.ts'
import { userWriter } from './user-writer.ts'

/** The writers keep no state of their own that a fault could spoil: the next message finds all in the store. */
const supervise = { type: 'resume' } as const

/**
 * Designs, datasets, computes, jobs and tasks. Queries are answered at once; commands go to a writer of their user, which
 * takes one at a time. The documents in the store are the state: a command is answered once they are durable.
 */
export function catalogue(parts: CatalogueParts): Behavior<CatalogueMessage> {
  return async (context) => {
    const collections = collectionsOf(parts.store)
    const codes = roleCodes(parts.store, parts.archiveLimits ?? defaultArchiveLimits)
    const orderOf = taskOrders(collections)
    // Where others share the store, it's found out first which of them are gone.
    if (!parts.shared) await context.track(settleExpansions(collections, parts, () => true))
    const users = new Map<string, ActorRef<UserCommand>>()
    const computes = context.spawn('computes', computeWriter(collections, parts), { supervise })
    const writerOf = (user: string) => {
      const present = users.get(user)
      if (present) return present
      const writer = context.spawn(`user-${encodeURIComponent(user)}`, userWriter(collections, parts), { supervise })
      users.set(user, writer)
      return writer
    }

    return (message) => {
      switch (message.type) {
        case 'register-compute':
        case 'update-compute':
        case 'remove-compute':
        case 'report-deployment':
          return computes.tell(message)
        case 'create-design':
        case 'update-design':
        case 'remove-design':
        case 'add-schema':
        case 'remove-schema':
        case 'add-code':
        case 'remove-code':
        case 'create-dataset':
        case 'update-dataset':
        case 'remove-dataset':
        case 'create-job':
        case 'update-job':
        case 'remove-job':
        case 'read-usage':
          return writerOf(message.user).tell(message)
        default:
          // Not awaited: the next query needn't wait for this one.
          void context.track(answerQuery(message, collections, parts, codes, orderOf))
      }
    }
  }
}
