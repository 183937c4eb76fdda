import { usageReport } from '../../actors/model/index.ts'
import { bare, operation } from '../operation.ts'

export const usageOperations = [
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
