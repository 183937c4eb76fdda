import { z } from 'zod'
import type { TaskPackage } from '../../actors/index.ts'
import { numberedNotification, taskStatus } from '../../actors/model/index.ts'
import { keyQuery, received, receiveQuery } from '../http/agent-query.ts'
import { formOperation, noBody, operation } from '../operation.ts'

const auth = 'task-key'

/** What the agents of tasks ask for. */
export const agentOperations = [
  formOperation({
    id: 'getTask',
    method: 'get',
    path: '/jobs/{jobId}/{taskId}/task',
    summary: 'Fetch what an agent needs to run a task',
    auth,
    query: keyQuery,
    body: noBody,
    request: (call) => (replyTo) => ({
      type: 'fetch-task',
      job: call.param('jobId'),
      task: call.param('taskId'),
      key: call.query.key,
      replyTo,
    }),
    files: ['config', 'code.zip'],
    parts: ({ config, code }: TaskPackage) => [
      { name: 'config', type: 'application/json', content: JSON.stringify(config) },
      { name: 'code.zip', type: 'application/zip', content: code },
    ],
  }),
  operation({
    id: 'updateTaskStatus',
    method: 'put',
    path: '/jobs/{jobId}/{taskId}/task/status',
    summary: 'Report how far a task has come',
    auth,
    status: 201,
    query: keyQuery,
    body: taskStatus,
    answer: z.null(),
    request: (call) => {
      const [job, task] = [call.param('jobId'), call.param('taskId')]
      return (replyTo) => ({
        type: 'report-task',
        job,
        task,
        key: call.query.key,
        mayLackKey: !call.isAuthenticated,
        status: call.body,
        replyTo,
      })
    },
  }),
] as const

/** Ours beside the interface's 42: until agents have links, they ask for what they are to do. */
export const notificationOperations = [
  operation({
    id: 'getTaskNotifications',
    method: 'get',
    path: '/jobs/{jobId}/{taskId}/notifications',
    summary: 'Acknowledge what an agent has dealt with, and wait for what it is to do next',
    auth,
    isAddition: true,
    query: receiveQuery.extend(keyQuery.shape),
    body: noBody,
    answer: z.array(numberedNotification),
    authorize: (call) => (replyTo) => ({
      type: 'check-task-key',
      job: call.param('jobId'),
      task: call.param('taskId'),
      key: call.query.key,
      replyTo,
    }),
    request: (call) => (replyTo) => ({
      type: 'receive',
      recipient: { type: 'task', job: call.param('jobId'), task: call.param('taskId') },
      ...received(call.query),
      replyTo,
    }),
  }),
  operation({
    id: 'getComputeNotifications',
    method: 'get',
    path: '/computes/{computeId}/notifications',
    summary: 'Acknowledge what a compute has dealt with, and wait for what it is to do next',
    auth: 'compute-key',
    isAddition: true,
    query: receiveQuery,
    body: noBody,
    answer: z.array(numberedNotification),
    authorize: (call) => (replyTo) => ({
      type: 'check-compute-key',
      compute: call.param('computeId'),
      key: call.apiKey,
      replyTo,
    }),
    request: (call) => (replyTo) => ({
      type: 'receive',
      recipient: { type: 'compute', compute: call.param('computeId') },
      ...received(call.query),
      replyTo,
    }),
  }),
] as const
