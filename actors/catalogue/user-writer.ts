import type { Behavior } from '../../runtime/index.ts'
import { createDataset, removeDataset, updateDataset } from './datasets/datasets.ts'
import { addCode, removeCode } from './designs/codes.ts'
import { createDesign, removeDesign, updateDesign } from './designs/designs.ts'
import { addSchema, removeSchema } from './designs/schemas.ts'
import { createJob, type JobProgress, removeJob, updateJob } from './jobs/jobs.ts'
import type { CatalogueParts } from './parts.ts'
import type { UserCommand } from './protocol.ts'
import type { Collections } from './records/collections.ts'
import { answer } from './reply.ts'

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
        case 'remove-dataset':
          await Promise.all(creations)
          return perform(message)
        default:
          await Promise.all(planning)
          return perform(message)
      }
    }

    function begin(message: JobCommand, after?: Promise<void>): Begun {
      let onSettled = () => {}
      const settled = new Promise<void>((resolve) => {
        onSettled = resolve
      })
      const progress = { context: message.context, onSettled }
      const done = Promise.resolve(after)
        .then(() => performOnJob(message, progress))
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

  function perform(message: Exclude<UserCommand, JobCommand>): Promise<void> {
    const { user, context } = message
    switch (message.type) {
      case 'create-design':
        return answer(message, () => createDesign(collections, parts, user, message.info, context))
      case 'update-design':
        return answer(message, () => updateDesign(collections, user, message.design, message.info, context))
      case 'remove-design':
        return answer(message, () => removeDesign(collections, parts, user, message.design, message.force, context))
      case 'add-schema':
        return answer(message, () => addSchema(collections, parts, user, message.design, message.schema, context))
      case 'remove-schema':
        return answer(message, () => removeSchema(collections, user, message.design, context))
      case 'add-code':
        return answer(message, () => addCode(collections, parts, user, message.design, message.archive, context))
      case 'remove-code':
        return answer(message, () => removeCode(collections, user, message.design, context))
      case 'create-dataset':
        return answer(message, () => createDataset(collections, parts, user, message.info, context))
      case 'update-dataset':
        return answer(message, () => updateDataset(collections, parts, user, message.dataset, message.info, context))
      case 'remove-dataset':
        return answer(message, () => removeDataset(collections, user, message.dataset, context))
    }
  }
}

function keep(promises: Set<Promise<void>>, promise: Promise<void>): void {
  promises.add(promise)
  void promise.then(() => promises.delete(promise))
}
