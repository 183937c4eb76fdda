import { z } from 'zod'
import type { TaskPackage } from '../../actors/index.ts'
import { numberedNotification, taskStatus } from '../../actors/model/index.ts'
import { count } from '../http/query.ts'
import { formOperation, noBody, operation } from '../operation.ts'

/** The longest wait of a recipient in one request, below the time limit of requests. */
const mostWaitMs = 20_000
/** How many notifications one answer may have. */
const mostNotifications = 100

/** A task's key. That it's there and right is said by who knows the task. */
const keyQuery = z.object({ key: z.string().exactOptional().meta({ description: "the task's key" }) })

const receiveQuery = z.object({
  acknowledged: count.exactOptional().meta({ description: 'the highest number that was dealt with; absent: none' }),
  waitMs: count.exactOptional().meta({ description: `how long to wait if there is none yet; at most ${mostWaitMs}` }),
  limit: count.exactOptional().meta({ description: `0 or absent: at most ${mostNotifications}` }),
})

function received({ acknowledged, waitMs, limit }: z.output<typeof receiveQuery>) {
  return {
    acknowledged: Number(acknowledged ?? 0),
    waitMs: Math.min(Number(waitMs ?? 0), mostWaitMs),
    limit: Math.min(Number(limit ?? 0) || mostNotifications, mostNotifications),
  }
}

const auth = 'task-key'

/** The operations of flamelets that run tasks. */
export const flameletOperations = [
  formOperation({
    id: 'getTask',
    method: 'get',
    path: '/jobs/{jobId}/{taskId}/task',
    summary: 'Fetch what a flamelet needs to run a task',
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

/** Operations besides the interface's 42: until flamelets have links, they poll for their work. */
export const notificationOperations = [
  operation({
    id: 'getTaskNotifications',
    method: 'get',
    path: '/jobs/{jobId}/{taskId}/notifications',
    summary: 'Acknowledge what a flamelet has dealt with, and wait for what it is to do next',
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
