import { auditEntry, refusalCounts, usageReport } from '../../actors/model/index.ts'
import { count, pageOf, pageQuery } from '../http/query.ts'
import { bare, listOperation, noBody, operation } from '../operation.ts'
import { computeOperations } from './computes.ts'
import { datasetOperations } from './datasets.ts'
import { designOperations } from './designs.ts'
import { flameletOperations, joinedFlameletOperations, notificationOperations } from './flamelets.ts'
import { jobEventOperations } from './job-events.ts'
import { jobOperations } from './jobs.ts'
import { modelOperations } from './models.ts'

const auditOperations = [
  listOperation({
    id: 'getAudit',
    method: 'get',
    path: '/audit',
    summary: 'List who changed what, the oldest first',
    auth: 'admin',
    isAddition: true,
    query: pageQuery.extend({ after: count.exactOptional() }),
    body: noBody,
    item: auditEntry,
    request: (call) => (replyTo) => ({ type: 'read-audit', page: pageOf(call.query), replyTo }),
  }),
  listOperation({
    id: 'getRefusals',
    method: 'get',
    path: '/audit/refusals',
    summary: 'List how often whom was refused what, counted each minute, the oldest first',
    auth: 'admin',
    isAddition: true,
    query: pageQuery.extend({ after: count.exactOptional() }),
    body: noBody,
    item: refusalCounts,
    request: (call) => (replyTo) => ({ type: 'read-refusals', page: pageOf(call.query), replyTo }),
  }),
] as const

const usageOperations = [
  operation({
    id: 'getUsage',
    method: 'get',
    path: '/users/{user}/usage',
    summary: 'Read how much a user has, and may have',
    isAddition: true,
    ...bare,
    answer: usageReport,
    request: (call) => (replyTo) => ({ type: 'read-usage', user: call.param('user'), replyTo }),
  }),
] as const

/** All operations, each with the types of its definition: those of the interface, then our own additions. */
export const operations = [
  ...designOperations,
  ...datasetOperations,
  ...jobOperations,
  ...modelOperations,
  ...flameletOperations,
  ...computeOperations,
  ...notificationOperations,
  ...joinedFlameletOperations,
  ...jobEventOperations,
  ...auditOperations,
  ...usageOperations,
]
