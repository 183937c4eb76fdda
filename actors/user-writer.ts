import type { Behavior } from '../runtime/index.ts'
import { createDataset, removeDataset, updateDataset } from './catalogue/datasets.ts'
import { createDesign, removeDesign, updateDesign } from './catalogue/designs.ts'
import { addCode, addSchema, removeCode, removeSchema } from './catalogue/revisions.ts'
import { createJob, type JobProgress, removeJob, updateJob } from './jobs/catalogue/jobs.ts'
import type { UserCommand } from './protocol.ts'
import { type QuotaKeeper, quotaKeeper } from './quotas/quota-keeper.ts'
import { bytesOf, usageOf } from './quotas/usage.ts'
import type { Collections } from './records/collections.ts'
import type { CatalogueParts } from './records/parts.ts'
import { answer } from './requests/requests.ts'

/** Creations of jobs that one user may have under way. */
const mostCreations = 64

type JobCommand = Extract<UserCommand, { readonly type: 'create-job' | 'update-job' | 'remove-job' }>

/** A command on a job: when others needn't wait for it any more, and when it's done. */
interface Begun {
  readonly settled: Promise<void>
  readonly done: Promise<void>
}

/**
 * Changes one user's designs, datasets and jobs, one command at a time. Only creations of jobs don't wait for each other: none
 * changes what another looks at, and the store can make those durable together that come together. To write or remove the
 * tasks of a job may take seconds: others don't wait for it, but those that look at all jobs, or change the same one.
 */
export function userWriter(collections: Collections, parts: CatalogueParts): Behavior<UserCommand> {
  return (context) => {
    let quota: QuotaKeeper | undefined
    const quotaOf = (user: string) => {
      quota ??= quotaKeeper(user, parts.quotas ?? {}, () => usageOf(collections, parts.store.documents, user))
      return quota
    }
    const creations = new Set<Promise<void>>()
    /** Creations that still read what others may change. */
    const planning = new Set<Promise<void>>()
    /** Jobs whose former tasks are being removed. */
    const clearing = new Map<string, Promise<void>>()

    return async (message) => {
      switch (message.type) {
        case 'create-job': {
          if (creations.size === mostCreations) await Promise.race(creations)
          const { settled, done } = begin(message, clearing.get(message.spec.id ?? ''))
          keep(planning, settled)
          keep(creations, done)
          return
        }
        case 'update-job':
        case 'remove-job': {
          const { job } = message
          await Promise.all([...creations, clearing.get(job)])
          const { settled, done } = begin(message)
          clearing.set(job, done)
          void done.then(() => clearing.get(job) === done && clearing.delete(job))
          return settled
        }
        case 'remove-design':
        case 'remove-schema':
        case 'remove-code':
        case 'remove-dataset':
          await Promise.all(creations)
          return perform(message, quotaOf(message.user))
        default:
          await Promise.all(planning)
          return perform(message, quotaOf(message.user))
      }
    }

    function begin(message: JobCommand, after?: Promise<void>): Begun {
      let onSettled = () => {}
      const settled = new Promise<void>((resolve) => {
        onSettled = resolve
      })
      const quota = quotaOf(message.user)
      const progress = { context: message.context, onSettled, quota }
      const done = Promise.resolve(after)
        .then(() => performOnJob(message, progress))
        .then(() => noteChange(message, quota))
        .then(onSettled)
      void context.track(done)
      return { settled, done }
    }
  }

  function performOnJob(message: JobCommand, progress: JobProgress): Promise<void> {
    const { user } = message
    switch (message.type) {
      case 'create-job':
        return answer(message, () => createJob(collections, parts, user, message.spec, progress))
      case 'update-job':
        return answer(message, () => updateJob(collections, parts, user, message.job, message.spec, progress))
      case 'remove-job':
        return answer(message, () => removeJob(collections, parts, user, message.job, progress))
    }
  }

  async function perform(message: Exclude<UserCommand, JobCommand>, quota: QuotaKeeper): Promise<void> {
    const { user, context } = message
    switch (message.type) {
      case 'read-usage':
        return answer(message, () => quota.report())
      case 'create-design':
        await answer(message, () =>
          quota.using({ designs: 1 }, () => createDesign(collections, parts, user, message.info, context)),
        )
        break
      case 'update-design':
        await answer(message, () => updateDesign(collections, user, message.design, message.info, context))
        break
      case 'remove-design':
        await answer(message, () => removeDesign(collections, parts, user, message.design, message.force, context))
        break
      case 'add-schema': {
        const more = { revisions: 1, bytes: bytesOf(message.schema) }
        await answer(message, () =>
          quota.using(more, () => addSchema(collections, parts, user, message.design, message.schema, context)),
        )
        break
      }
      case 'remove-schema':
        await answer(message, () => removeSchema(collections, parts, user, message.design, context))
        break
      case 'add-code': {
        const more = { revisions: 1, bytes: message.archive.bytes.length }
        await answer(message, () =>
          quota.using(more, () => addCode(collections, parts, user, message.design, message.archive, context)),
        )
        break
      }
      case 'remove-code':
        await answer(message, () => removeCode(collections, parts, user, message.design, context))
        break
      case 'create-dataset':
        await answer(message, () =>
          quota.using({ datasets: 1 }, () => createDataset(collections, parts, user, message.info, context)),
        )
        break
      case 'update-dataset':
        await answer(message, () => updateDataset(collections, parts, user, message.dataset, message.info, context))
        break
      case 'remove-dataset':
        await answer(message, () => removeDataset(collections, user, message.dataset, context))
        break
    }
    noteChange(message, quota)
  }
}

/** What was removed, or may have been made before already, is counted again when it matters. */
function noteChange({ type, context }: UserCommand, quota: QuotaKeeper): void {
  if (type.startsWith('remove-') || type === 'update-job' || context?.once !== undefined) quota.changed()
}

function keep(promises: Set<Promise<void>>, promise: Promise<void>): void {
  promises.add(promise)
  void promise.then(() => promises.delete(promise))
}
