import { catalogueError } from '../model/errors.ts'
import type { Notification, NumberedNotification } from '../model/notification.ts'
import type { Collections } from '../records/collections.ts'
import type { RecipientRecord } from '../records/record-models.ts'
import { attempted, removeBelow, type Stored } from '../records/records.ts'

/** The recipient of notifications: the flamelet of one task, or the deployer of a compute. */
export type Recipient =
  | { readonly type: 'task'; readonly job: string; readonly task: string }
  | { readonly type: 'compute'; readonly compute: string }

type Kept = Pick<Collections, 'recipients' | 'occasions'>

/*
 * A recipient is one document: its last number, and the notifications that wait. Each change expects the version that
 * was read, so that two servers neither give a number twice nor lose a notification. The types that were acknowledged
 * on an occasion are noted in a second document before they leave the first: a repeated notification is found in one of
 * the two documents, or its write is refused.
 */

export function keyOf(recipient: Recipient): string {
  return recipient.type === 'task' ? `task/${recipient.job}/${recipient.task}` : `compute/${recipient.compute}`
}

/** Adds a notification under the next number, unless the recipient has had the same notification on this occasion. */
export function addNotification(
  kept: Kept,
  key: string,
  notification: Notification,
  occasion: string | undefined,
): Promise<null> {
  return attempted(async () => {
    const found = await kept.recipients.get(key)
    const { last, waiting } = found?.value ?? { last: 0, waiting: [] }
    if (occasion !== undefined && (await wasTold(kept, key, waiting, notification, occasion))) return null
    const added = { number: last + 1, notification, ...(occasion === undefined ? {} : { occasion }) }
    await write(kept, key, found, { last: last + 1, waiting: [...waiting, added] })
    return null
  })
}

/**
 * Removes notifications up to a number, and answers with the rest. ACKNOWLEDGED_UNKNOWN if no notification had that
 * number.
 */
export function acknowledgeUpTo(kept: Kept, key: string, upTo: number): Promise<NumberedNotification[]> {
  return attempted(async () => {
    const found = await kept.recipients.get(key)
    const { last, waiting } = found?.value ?? { last: 0, waiting: [] }
    if (upTo > last) throw catalogueError('ACKNOWLEDGED_UNKNOWN', { given: upTo, last })
    const left = waiting.filter(({ number }) => number > upTo)
    if (left.length < waiting.length) {
      for (const dropped of waiting.slice(0, waiting.length - left.length)) await noteTold(kept, key, dropped)
      await write(kept, key, found, { last, waiting: left })
    }
    return left.map(({ number, notification }) => ({ number, notification }))
  })
}

/** Removes all records of a recipient. */
export async function forgetRecipient(kept: Kept, recipient: Recipient): Promise<void> {
  const key = keyOf(recipient)
  await kept.recipients.remove(key)
  for await (const { id } of kept.occasions.below(`${key}/`)) await kept.occasions.remove(id)
}

/** Removes the records of a job's flamelets, `size` documents at a time. */
export async function forgetTasks({ recipients, occasions }: Kept, job: string, size: number): Promise<void> {
  await removeBelow(recipients, `task/${job}/`, size)
  await removeBelow(occasions, `task/${job}/`, size)
}

async function wasTold(
  { occasions }: Kept,
  key: string,
  waiting: RecipientRecord['waiting'],
  { type, jobId }: Notification,
  occasion: string,
): Promise<boolean> {
  const waits = waiting.some(
    (other) => other.occasion === occasion && other.notification.type === type && other.notification.jobId === jobId,
  )
  if (waits) return true
  const noted = await occasions.get(`${key}/${jobId}`)
  return noted?.value.occasion === occasion && noted.value.types.includes(type)
}

async function noteTold(
  { occasions }: Kept,
  key: string,
  { notification: { type, jobId }, occasion }: RecipientRecord['waiting'][number],
): Promise<void> {
  if (occasion === undefined) return
  const id = `${key}/${jobId}`
  const noted = await occasions.get(id)
  const types = noted?.value.occasion === occasion ? noted.value.types : []
  if (types.includes(type)) return
  const value = { occasion, types: [...types, type] }
  if (noted) await occasions.replace(noted, value)
  else if (!(await occasions.insert({ id, value })))
    throw catalogueError('WRITTEN_MEANWHILE', { what: `occasion ${id}` })
}

async function write(
  { recipients }: Kept,
  id: string,
  found: Stored<RecipientRecord> | undefined,
  value: RecipientRecord,
): Promise<void> {
  if (found) await recipients.replace(found, value)
  else if (!(await recipients.insert({ id, value })))
    throw catalogueError('WRITTEN_MEANWHILE', { what: `recipient ${id}` })
}
