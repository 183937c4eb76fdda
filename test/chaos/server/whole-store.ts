import { all } from '../../../runtime/durable/contract/store-under-test.ts'
import type { Store } from '../../../runtime/index.ts'

/** Names the half-made things in a store whose server is gone, after a start that has removed leftovers. */
export async function halfMade({ documents }: Store): Promise<string[]> {
  const expansions = new Map((await all(documents.find('jobs'))).map(({ id, fields }) => [id, fields.expansion]))
  const tasks = (await all(documents.find('tasks'))).filter(({ id }) => {
    const [job = '', expansion] = id.split('/')
    return expansions.get(job) !== expansion
  })
  return [
    ...tasks.map(({ id }) => `task ${id} is no job's`),
    ...(await all(documents.find('expansions'))).map(({ id }) => `a change of ${id} was not cleared`),
    ...(await all(documents.find('leases'))).map(({ id }) => `lease ${id} is left`),
  ]
}
