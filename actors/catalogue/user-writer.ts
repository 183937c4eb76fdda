import type { Behavior } from '../../runtime/index.ts'
import { createDataset, removeDataset, updateDataset } from './datasets/datasets.ts'
import { addCode, removeCode } from './designs/codes.ts'
import { createDesign, removeDesign, updateDesign } from './designs/designs.ts'
import { addSchema, removeSchema } from './designs/schemas.ts'
import { createJob, removeJob, updateJob } from './jobs/jobs.ts'
import type { CatalogueParts } from './parts.ts'
import type { UserCommand } from './protocol.ts'
import type { Collections } from './records/collections.ts'
import { answer } from './reply.ts'

/** Creations of jobs that one user may have under way. */
const mostCreations = 64

/**
 * Changes one user's designs, datasets and jobs, one command at a time. Only creations of jobs don't wait for each other: none
 * changes what another looks at, and the store can make those durable together that come together.
 */
export function userWriter(collections: Collections, parts: CatalogueParts): Behavior<UserCommand> {
  return (context) => {
    const creations = new Set<Promise<void>>()
    return async (message) => {
      if (message.type !== 'create-job') {
        await Promise.all(creations)
        return perform(message)
      }
      if (creations.size === mostCreations) await Promise.race(creations)
      const { user, spec } = message
      const creation = answer(message, () => createJob(collections, parts, user, spec, message.context)).then(
        () => void creations.delete(creation),
      )
      creations.add(creation)
      void context.track(creation)
    }
  }

  function perform(message: Exclude<UserCommand, { readonly type: 'create-job' }>): Promise<void> {
    const { user, context } = message
    switch (message.type) {
      case 'create-design':
        return answer(message, () => createDesign(collections, parts, user, message.info, context))
      case 'update-design':
        return answer(message, () => updateDesign(collections, user, message.design, message.info, context))
      case 'remove-design':
        return answer(message, () => removeDesign(collections, parts, user, message.design, message.force, context))
      case 'add-schema':
        return answer(message, () => addSchema(collections, user, message.design, message.schema, context))
      case 'remove-schema':
        return answer(message, () => removeSchema(collections, user, message.design, context))
      case 'add-code':
        return answer(message, () => addCode(collections, parts, user, message.design, message.archive, context))
      case 'remove-code':
        return answer(message, () => removeCode(collections, user, message.design, context))
      case 'create-dataset':
        return answer(message, () => createDataset(collections, parts, user, message.info, context))
      case 'update-dataset':
        return answer(message, () => updateDataset(collections, user, message.dataset, message.info, context))
      case 'remove-dataset':
        return answer(message, () => removeDataset(collections, user, message.dataset, context))
      case 'update-job':
        return answer(message, () => updateJob(collections, parts, user, message.job, message.spec, context))
      case 'remove-job':
        return answer(message, () => removeJob(collections, parts, user, message.job, context))
    }
  }
}
