import { auditEntry } from '../../actors/catalogue/model/index.ts'
import { count, pageOf, pageQuery } from '../http/query.ts'
import { listOperation, noBody } from '../operation.ts'

export const auditOperations = [
  listOperation({
    id: 'getAudit',
    method: 'get',
    path: '/audit',
    summary: 'List who changed what and who was refused, the oldest first',
    auth: 'admin',
    isAddition: true,
    query: pageQuery.extend({ after: count.exactOptional() }),
    body: noBody,
    item: auditEntry,
    request: (call) => (replyTo) => ({ type: 'read-audit', page: pageOf(call.query), replyTo }),
  }),
] as const
