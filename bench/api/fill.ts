import type { NewDocument } from '../../runtime/index.ts'
import { storeOpenedAt } from '../../test/support/stores.ts'

/** Jobs that are inserted together. */
const together = 100

/** Fills a store up to `jobs` jobs, with copies of one of its jobs and the job's tasks. */
export async function fill(location: string, jobs: number): Promise<void> {
  const store = await storeOpenedAt(location)
  const { documents } = store
  try {
    let present = 0
    let model: { readonly id: string; readonly fields: NewDocument['fields'] } | undefined
    for await (const job of documents.find('jobs')) {
      model ??= job
      present += 1
    }
    if (!model) throw new Error('there is no job to copy')
    const { id, fields } = model
    const tasks = []
    for await (const task of documents.find('tasks', { where: { jobId: id } })) tasks.push(task)
    for (let first = present; first < jobs; first += together) {
      const copies: NewDocument[] = []
      for (let n = first; n < Math.min(first + together, jobs); n++) {
        const copy = `${id}-${n}`
        copies.push({ collection: 'jobs', id: copy, fields })
        for (const task of tasks) {
          const at = task.id.replace(id, copy)
          copies.push({ collection: 'tasks', id: at, fields: { ...task.fields, jobId: copy } })
        }
      }
      await documents.insertAll(copies)
    }
  } finally {
    await store.close()
  }
}
