import type { Behavior } from '../runtime/index.ts'
import { defaultArchiveLimits } from './catalogue/archive.ts'
import {
  findCompute,
  listComputes,
  readCompute,
  readComputeConfig,
  registerCompute,
  removeCompute,
  updateCompute,
} from './catalogue/computes.ts'
import {
  createDataset,
  listDatasets,
  listPublicDatasets,
  readDataset,
  removeDataset,
  updateDataset,
} from './catalogue/datasets.ts'
import {
  listComputeJobs,
  listDeployments,
  readDeploymentConfig,
  readDeploymentStatus,
  reportDeployment,
} from './catalogue/deployments.ts'
import { createDesign, listDesigns, readDesign, removeDesign, updateDesign } from './catalogue/designs.ts'
import {
  addCode,
  addSchema,
  readCode,
  readCodeRevision,
  readSchema,
  removeCode,
  removeSchema,
} from './catalogue/revisions.ts'
import type { CatalogueMessage, CatalogueRequests } from './catalogue-requests.ts'
import { settleExpansions } from './jobs/catalogue/expansions.ts'
import { createJob, listJobs, readJob, readJobStatus, removeJob, updateJob } from './jobs/catalogue/jobs.ts'
import { roleCodes } from './jobs/catalogue/role-codes.ts'
import { fetchTask, findTask } from './jobs/catalogue/task-package.ts'
import { listTasks, readTask, taskOrders } from './jobs/catalogue/tasks.ts'
import { bytesOf } from './quotas/usage.ts'
import { type Collections, collectionsOf } from './records/collections.ts'
import type { CatalogueParts } from './records/parts.ts'
import { answerBy, type Handlers, type RequestContext } from './requests/requests.ts'
import { turnsByKey } from './requests/turns.ts'
import { type UserTurns, userTurns } from './user-turns.ts'

/**
 * Actor of designs, datasets, computes, jobs and tasks. It answers queries at once. Commands of one user run one at a
 * time, and so do commands on computes. The documents in the store are the state: a command is answered once its
 * changes are durable.
 */
export function catalogue(parts: CatalogueParts): Behavior<CatalogueMessage> {
  return async (context) => {
    const collections = collectionsOf(parts.store)
    // Where other servers share the store, the lease watch settles expansions, after it has found the servers that are
    // gone.
    if (!parts.shared) await context.track(settleExpansions(collections, parts, () => true))
    const handlers = catalogueHandlers(collections, parts)
    // Not awaited: the next message needn't wait for this answer.
    return (message) => void context.track(answerBy(handlers, message))
  }
}

function catalogueHandlers(all: Collections, parts: CatalogueParts): Handlers<CatalogueRequests> {
  const codes = roleCodes(parts.store, parts.archiveLimits ?? defaultArchiveLimits)
  const orderOf = taskOrders(all)
  const users = new Map<string, UserTurns>()
  const of = (user: string): UserTurns => {
    const present = users.get(user) ?? userTurns(all, parts, user)
    users.set(user, present)
    return present
  }
  parts.held?.subscribe((user, bytes) => users.get(user)?.quota.grew(bytes))
  const turns = turnsByKey()
  const onComputes = <Value>(work: () => Promise<Value>) => turns('computes', work)

  return {
    probe: () => parts.store.probe().then(() => null),

    'list-designs': ({ user, page }) => listDesigns(all, user, page),
    'read-design': ({ user, design }) => readDesign(all, user, design),
    'create-design': ({ user, info, context }) =>
      adding(of(user), { designs: 1 }, context, () => createDesign(all, parts, user, info, context)),
    'update-design': ({ user, design, info, context }) =>
      of(user).next(() => updateDesign(all, user, design, info, context)),
    'remove-design': ({ user, design, force, context }) =>
      removing(of(user), () => removeDesign(all, parts, user, design, force, context)),
    'read-schema': ({ user, design }) => readSchema(all, user, design),
    'add-schema': ({ user, design, schema, context }) =>
      adding(of(user), { revisions: 1, bytes: bytesOf(schema) }, context, () =>
        addSchema(all, parts, user, design, schema, context),
      ),
    'remove-schema': ({ user, design, context }) =>
      removing(of(user), () => removeSchema(all, parts, user, design, context)),
    'read-code': ({ user, design }) => readCode(all, parts, user, design),
    'read-code-revision': ({ user, design }) => readCodeRevision(all, user, design),
    'add-code': ({ user, design, archive, context }) =>
      adding(of(user), { revisions: 1, bytes: archive.bytes.length }, context, () =>
        addCode(all, parts, user, design, archive, context),
      ),
    'remove-code': ({ user, design, context }) =>
      removing(of(user), () => removeCode(all, parts, user, design, context)),

    'list-datasets': ({ user, page }) => listDatasets(all, user, page),
    'list-public-datasets': ({ page }) => listPublicDatasets(all, page),
    'read-dataset': ({ user, dataset }) => readDataset(all, user, dataset),
    'create-dataset': ({ user, info, context }) =>
      adding(of(user), { datasets: 1 }, context, () => createDataset(all, parts, user, info, context)),
    'update-dataset': ({ user, dataset, info, context }) =>
      of(user).next(() => updateDataset(all, parts, user, dataset, info, context)),
    'remove-dataset': ({ user, dataset, context }) =>
      removing(of(user), () => removeDataset(all, user, dataset, context)),

    'list-jobs': ({ user, page }) => listJobs(all, user, page),
    'read-job': ({ user, job }) => readJob(all, user, job),
    'read-job-status': ({ user, job }) => readJobStatus(all, parts, user, job),
    'create-job'({ user, spec, context }) {
      const { quota, createJob: inTurn } = of(user)
      return inTurn(spec.id, (onSettled) =>
        recounted(quota, context?.once !== undefined, () =>
          createJob(all, parts, user, spec, { context, onSettled, quota }),
        ),
      )
    },
    'update-job'({ user, job, spec, context }) {
      const { quota, changeJob } = of(user)
      return changeJob(job, (onSettled) =>
        recounted(quota, true, () => updateJob(all, parts, user, job, spec, { context, onSettled, quota })),
      )
    },
    'remove-job'({ user, job, keepModels = false, context }) {
      const { quota, changeJob } = of(user)
      return changeJob(job, (onSettled) =>
        recounted(quota, true, () => removeJob(all, parts, user, job, { context, onSettled, quota, keepModels })),
      )
    },
    'list-tasks': ({ user, job, page }) => listTasks(parts.store, all, orderOf, user, job, page),
    'read-task': ({ user, job, task }) => readTask(parts.store, all, user, job, task),
    'check-task-key': ({ job, task, key }) => findTask(all, job, task, key).then(() => null),
    'fetch-task': ({ job, task, key }) => fetchTask(all, codes, parts.workers ?? {}, job, task, key),
    'read-usage'({ user }) {
      const { quota, next } = of(user)
      return next(() => quota.report())
    },

    'list-computes': ({ adminId, page }) => listComputes(all, adminId, page),
    'read-compute': ({ compute, key }) => readCompute(all, compute, key),
    'read-compute-config': ({ compute, key }) => readComputeConfig(all, compute, key),
    'check-compute-key': ({ compute, key }) => findCompute(all, compute, key).then(() => null),
    'register-compute': ({ registration, byAdmin = false }) =>
      onComputes(() => registerCompute(all, parts, registration, byAdmin)),
    'update-compute': ({ compute, key, spec, byAdmin = false, context }) =>
      onComputes(() => updateCompute(all, parts, compute, key, spec, byAdmin, context)),
    'remove-compute': ({ compute, key, context }) => onComputes(() => removeCompute(all, compute, key, context)),
    'list-compute-jobs': ({ page, ...access }) => listComputeJobs(all, parts, access, page),
    'list-deployments': ({ page, ...access }) => listDeployments(all, access, page),
    'read-deployment-config': ({ job, ...access }) => readDeploymentConfig(all, parts, access, job),
    'read-deployment-status': ({ job, ...access }) => readDeploymentStatus(all, access, job),
    'report-deployment': ({ job, status, context, ...access }) =>
      onComputes(() => reportDeployment(all, parts, access, job, status, context)),
  }
}

/** Runs work that adds to a user's things, in the user's turn and within the user's quota. */
function adding<Value>(
  { quota, next }: UserTurns,
  more: Parameters<UserTurns['quota']['using']>[0],
  context: RequestContext | undefined,
  work: () => Promise<Value>,
): Promise<Value> {
  return next(() => recounted(quota, context?.once !== undefined, () => quota.using(more, work)))
}

/** Runs work that removes a thing of a user, after all creations of jobs that may use the thing. */
function removing<Value>({ quota, afterCreations }: UserTurns, work: () => Promise<Value>): Promise<Value> {
  return afterCreations(() => recounted(quota, true, work))
}

/**
 * Runs the work. If the count of the user's things may be stale after the work, the next use of the quota counts anew.
 */
async function recounted<Value>(
  quota: UserTurns['quota'],
  isCountStale: boolean,
  work: () => Promise<Value>,
): Promise<Value> {
  try {
    return await work()
  } finally {
    if (isCountStale) quota.changed()
  }
}
