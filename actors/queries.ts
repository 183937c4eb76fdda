import { findCompute, listComputes, readCompute, readComputeConfig } from './catalogue/computes.ts'
import { listDatasets, listPublicDatasets, readDataset } from './catalogue/datasets.ts'
import {
  listComputeJobs,
  listDeployments,
  readDeploymentConfig,
  readDeploymentStatus,
} from './catalogue/deployments.ts'
import { listDesigns, readDesign } from './catalogue/designs.ts'
import { readCode, readCodeRevision, readSchema } from './catalogue/revisions.ts'
import { listJobs, readJob, readJobStatus } from './jobs/catalogue/jobs.ts'
import type { RoleCodes } from './jobs/catalogue/role-codes.ts'
import { fetchTask, findTask } from './jobs/catalogue/task-package.ts'
import { listTasks, readTask, type TaskOrders } from './jobs/catalogue/tasks.ts'
import type { CatalogueQuery } from './protocol.ts'
import type { Collections } from './records/collections.ts'
import type { CatalogueParts } from './records/parts.ts'
import { answer } from './requests/requests.ts'

/** Reads what was asked for and tells it. */
export function answerQuery(
  query: CatalogueQuery,
  collections: Collections,
  parts: CatalogueParts,
  codes: RoleCodes,
  orderOf: TaskOrders,
): Promise<void> {
  switch (query.type) {
    case 'probe':
      return answer(query, async () => {
        await parts.store.probe()
        return null
      })
    case 'list-designs':
      return answer(query, () => listDesigns(collections, query.user, query.page))
    case 'read-design':
      return answer(query, () => readDesign(collections, query.user, query.design))
    case 'read-schema':
      return answer(query, () => readSchema(collections, query.user, query.design))
    case 'read-code':
      return answer(query, () => readCode(collections, parts, query.user, query.design))
    case 'read-code-revision':
      return answer(query, () => readCodeRevision(collections, query.user, query.design))
    case 'list-datasets':
      return answer(query, () => listDatasets(collections, query.user, query.page))
    case 'list-public-datasets':
      return answer(query, () => listPublicDatasets(collections, query.page))
    case 'read-dataset':
      return answer(query, () => readDataset(collections, query.user, query.dataset))
    case 'list-jobs':
      return answer(query, () => listJobs(collections, query.user, query.page))
    case 'read-job':
      return answer(query, () => readJob(collections, query.user, query.job))
    case 'read-job-status':
      return answer(query, () => readJobStatus(collections, query.user, query.job))
    case 'list-tasks':
      return answer(query, () => listTasks(collections, orderOf, query.user, query.job, query.page))
    case 'read-task':
      return answer(query, () => readTask(collections, query.user, query.job, query.task))
    case 'list-computes':
      return answer(query, () => listComputes(collections, query.adminId, query.page))
    case 'read-compute':
      return answer(query, () => readCompute(collections, query.compute, query.key))
    case 'read-compute-config':
      return answer(query, () => readComputeConfig(collections, query.compute, query.key))
    case 'check-compute-key':
      return answer(query, () => findCompute(collections, query.compute, query.key).then(() => null))
    case 'list-compute-jobs':
      return answer(query, () => listComputeJobs(collections, parts, query, query.page))
    case 'list-deployments':
      return answer(query, () => listDeployments(collections, query, query.page))
    case 'read-deployment-config':
      return answer(query, () => readDeploymentConfig(collections, parts, query, query.job))
    case 'read-deployment-status':
      return answer(query, () => readDeploymentStatus(collections, query, query.job))
    case 'check-task-key':
      return answer(query, () => findTask(collections, query.job, query.task, query.key).then(() => null))
    case 'fetch-task':
      return answer(query, () => fetchTask(collections, codes, parts.workers ?? {}, query.job, query.task, query.key))
  }
}
