import { auditEntry, refusalCounts } from '../../actors/model/index.ts'
import { count, pageOf, pageQuery } from '../http/query.ts'
import { listOperation, noBody } from '../operation.ts'

export const auditOperations = [
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
