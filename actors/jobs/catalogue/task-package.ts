import { catalogueError } from '../../model/errors.ts'
import type { TaskConfig } from '../../model/task-config.ts'
import { attempted } from '../../records/attempted.ts'
import type { Collections } from '../../records/collections.ts'
import { specificationOf } from '../../records/specifications.ts'
import { findTask } from './find-task.ts'
import type { RoleCodes } from './role-codes.ts'
import { taskConfigOf, type WorkerSettings } from './task-config.ts'

/** What an agent needs to run a task. */
export interface TaskPackage {
  readonly config: TaskConfig
  /** A zip of its role's folder. */
  readonly code: Uint8Array
}

/** For the agent that shows the task's key. As `findTask`; SCHEMA_UNKNOWN, CODE_UNKNOWN, CODE_ARCHIVE, DATASET_UNKNOWN. */
export async function fetchTask(
  collections: Collections,
  codes: RoleCodes,
  settings: WorkerSettings,
  job: string,
  taskId: string,
  key: string | undefined,
): Promise<TaskPackage> {
  const { found, spec } = await attempted(async () => {
    const found = await findTask(collections, job, taskId, key)
    return { found, spec: await specificationOf(collections, found.job) }
  })
  const { designSerial } = found.job.value
  const { value: task } = found.task
  const schema = await collections.schemas.get(`${designSerial}/${spec.schemaRevision}`)
  if (!schema) throw catalogueError('SCHEMA_UNKNOWN', { id: spec.designId })
  const dataset = task.dataset === undefined ? undefined : await collections.datasets.get(task.dataset)
  const isForeign = task.datasetOwner !== undefined && dataset?.value.userId !== task.datasetOwner
  if (task.dataset !== undefined && (!dataset || isForeign))
    throw catalogueError('DATASET_UNKNOWN', { id: task.dataset })
  return {
    config: taskConfigOf({
      spec,
      schema: schema.value,
      task,
      settings,
      ...(dataset ? { dataset: dataset.value } : {}),
    }),
    code: await codes(designSerial, spec.codeRevision ?? 0, task.role),
  }
}
